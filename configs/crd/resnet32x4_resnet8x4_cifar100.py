_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/crd.py"]

model = dict(terms=dict(crd=_base_.crd))
