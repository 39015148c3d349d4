_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        cat=dict(
            student="backbone.layer3",
            teacher="backbone.layer3",
            loss=dict(type="mmkd.CATKDLoss", resolution=2, normalize=False),
            weight=15.0,
        )
    )
)
