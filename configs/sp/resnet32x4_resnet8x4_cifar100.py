_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        sp=dict(
            student="backbone.layer3",
            teacher="backbone.layer3",
            loss=dict(type="mmkd.SPLoss"),
            weight=3000.0,
        )
    )
)
