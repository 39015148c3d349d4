_base_ = "../aver/vgg13_x3_vgg8_cifar100.py"

teacher_weight = dict(type="mmkd.CAMKDWeight")
model = dict(
    terms=dict(
        kd=dict(teacher_weight=teacher_weight),
        feature=dict(
            student="neck:input",
            teacher="neck:input",
            connector=dict(type="mmkd.ConvBNReLUConnector"),
            loss=dict(type="mmkd.HintLoss"),
            teacher_weight=teacher_weight,
            weigh_through=["neck", "head.fc"],
            weight=50.0,
            schedule=dict(begin=1),
        ),
    )
)
