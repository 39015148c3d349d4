_base_ = "../aver/wrn_40_2_x3_ShuffleV2_cifar100.py"

model = dict(
    terms=dict(
        hint=dict(
            student="backbone.layer2",
            teacher="backbone.block2",
            connector=dict(type="mmkd.ConvRegConnector"),
            loss=dict(type="mmkd.HintLoss"),
            weight=100.0,
            schedule=dict(begin=1),
        ),
    )
)
