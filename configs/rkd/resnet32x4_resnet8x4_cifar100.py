_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    terms=dict(
        rkd=dict(
            student="neck",
            teacher="neck",
            loss=dict(type="mmkd.RKDLoss", distance_weight=25.0, angle_weight=50.0),
        )
    )
)
