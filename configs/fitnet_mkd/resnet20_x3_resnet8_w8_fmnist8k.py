_base_ = "../aver/resnet20_x3_resnet8_w8_fmnist8k.py"

model = dict(
    terms=dict(
        hint=dict(
            student="backbone.layer2",
            teacher="backbone.layer2",
            connector=dict(type="mmkd.ConvRegConnector"),
            loss=dict(type="mmkd.HintLoss"),
            weight=100.0,
            schedule=dict(begin=1),
        ),
    )
)
