_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/dist.py"]

model = dict(terms=dict(dist=_base_.dist))
