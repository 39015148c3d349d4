_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/at.py"]

stages = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(terms=dict(at=dict(student=stages, teacher=stages, **_base_.at)))
