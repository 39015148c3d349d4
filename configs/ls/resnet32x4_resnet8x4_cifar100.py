_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

model = dict(
    student_loss_weight=0.1,
    terms=dict(
        kd=dict(
            loss=dict(
                type="mmkd.KDLoss", temperature=2.0, transforms=[dict(type="mmkd.Standardize")]
            ),
            weight=9.0,
        )
    ),
)
