_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/cc.py"]

model = dict(terms=dict(cc=_base_.cc))
