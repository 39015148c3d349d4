_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/cc.py"]

model = dict(terms=dict(cc=_base_.cc))
