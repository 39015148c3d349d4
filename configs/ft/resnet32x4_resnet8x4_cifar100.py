_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        ft=dict(
            student="backbone.layer3",
            teacher="backbone.layer3",
            loss=dict(type="mmkd.FTLoss", form="attention", reconstruction_weight=0.005),
            weight=200.0,
        )
    )
)
