_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/dist.py"]

model = dict(terms=dict(dist=_base_.dist))
