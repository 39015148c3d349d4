_base_ = "./resnet20_x3_resnet8_w8_fmnist8k.py"

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
