_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/fitnet.py"]

model = dict(
    terms=dict(hint=dict(student="backbone.blocks.2", teacher="backbone.relu2", **_base_.fitnet))
)
