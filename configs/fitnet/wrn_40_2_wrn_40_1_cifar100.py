_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/fitnet.py"]

model = dict(
    terms=dict(hint=dict(student="backbone.block2", teacher="backbone.block2", **_base_.fitnet))
)
