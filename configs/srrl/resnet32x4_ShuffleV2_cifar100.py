_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/srrl.py"]

model = dict(terms=dict(srrl=_base_.srrl))
