_base_ = "../aver/vgg13_x3_vgg8_cifar100.py"

model = dict(
    terms=dict(
        hint=dict(
            student="backbone.relu2",
            teacher="backbone.relu2",
            connector=dict(type="mmkd.ConvRegConnector"),
            loss=dict(type="mmkd.HintLoss"),
            weight=100.0,
            schedule=dict(begin=1),
        ),
    )
)
