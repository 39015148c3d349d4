_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/fcfd.py"]

stages = ["backbone.block1", "backbone.block2", "backbone.bn1"]
loss = dict(_base_.fcfd.loss, path_weight=0.2)
model = dict(terms=dict(kd=_base_.kd, fcfd=dict(student=stages, teacher=stages, loss=loss)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
