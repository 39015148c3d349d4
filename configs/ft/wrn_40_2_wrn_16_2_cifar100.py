_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/ft.py"]

model = dict(terms=dict(ft=dict(student="backbone.block3", teacher="backbone.block3", **_base_.ft)))
