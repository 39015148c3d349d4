_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/rkd.py"]

model = dict(terms=dict(rkd=_base_.rkd))
