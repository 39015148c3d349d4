_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        hint=dict(
            student="backbone.layer2",
            teacher="backbone.layer2",
            connector=dict(type="mmkd.ConvRegConnector"),
            loss=dict(type="mmkd.HintLoss"),
            weight=100.0,
        )
    )
)
