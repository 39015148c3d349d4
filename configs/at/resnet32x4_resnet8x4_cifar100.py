_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

stages = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(
    terms=dict(
        at=dict(student=stages, teacher=stages, loss=dict(type="mmkd.ATLoss", p=2), weight=1000.0)
    )
)
