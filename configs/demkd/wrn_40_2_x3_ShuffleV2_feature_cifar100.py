_base_ = "./wrn_40_2_x3_ShuffleV2_cifar100.py"

model = dict(
    terms=dict(
        feature=dict(
            student="neck:input",
            teacher="neck:input",
            connector=dict(type="mmkd.ConvBNReLUConnector"),
            loss=dict(type="mmkd.HintLoss"),
            teacher_weight=dict(type="mmkd.EntropyTeacherWeight", form="softmax_inv"),
            weight=50.0,
            schedule=dict(begin=1),
        ),
    )
)
