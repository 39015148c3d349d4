_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/sp.py"]

model = dict(
    terms=dict(sp=dict(student="backbone.blocks.6", teacher="backbone.layer4", **_base_.sp))
)
