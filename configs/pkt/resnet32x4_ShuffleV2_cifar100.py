_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/pkt.py"]

model = dict(terms=dict(pkt=_base_.pkt))
