_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/vid.py"]

stages = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(terms=dict(vid=dict(student=stages, teacher=stages, **_base_.vid)))
