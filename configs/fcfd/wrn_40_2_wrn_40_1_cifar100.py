_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/fcfd.py"]

stages = ["backbone.block1", "backbone.block2", "backbone.bn1"]
model = dict(terms=dict(kd=_base_.kd, fcfd=dict(student=stages, teacher=stages, **_base_.fcfd)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
