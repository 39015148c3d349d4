_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/crd.py"]

model = dict(terms=dict(crd=_base_.crd))
