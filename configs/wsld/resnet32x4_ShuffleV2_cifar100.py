_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/wsld.py"]

model = dict(terms=dict(wsld=_base_.wsld))
