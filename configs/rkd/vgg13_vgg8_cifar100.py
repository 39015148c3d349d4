_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/rkd.py"]

model = dict(terms=dict(rkd=_base_.rkd))
