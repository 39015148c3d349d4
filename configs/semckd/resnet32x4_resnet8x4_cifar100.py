_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

stages = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(
    terms=dict(
        kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0)),
        semckd=dict(
            student=stages,
            teacher=stages,
            loss=dict(type="mmkd.SemCKDLoss", batch_size=64),
            weight=400.0,
        ),
    )
)
