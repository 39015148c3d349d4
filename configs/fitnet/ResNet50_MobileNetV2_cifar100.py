_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/fitnet.py"]

model = dict(
    terms=dict(hint=dict(student="backbone.blocks.2", teacher="backbone.layer2", **_base_.fitnet))
)
