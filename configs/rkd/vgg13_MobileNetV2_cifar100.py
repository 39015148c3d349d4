_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/rkd.py"]

model = dict(terms=dict(rkd=_base_.rkd))
