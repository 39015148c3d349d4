_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/fcfd.py"]

stages = [f"backbone.block{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(kd=_base_.kd, fcfd=dict(student=stages, teacher=stages, **_base_.fcfd)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
