_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/vid.py"]

stages = ["backbone.block1", "backbone.block2", "backbone.block3"]
model = dict(terms=dict(vid=dict(student=stages, teacher=stages, **_base_.vid)))
