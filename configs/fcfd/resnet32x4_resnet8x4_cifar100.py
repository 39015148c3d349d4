_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/fcfd.py"]

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3)]
model = dict(terms=dict(kd=_base_.kd, fcfd=dict(student=stages, teacher=stages, **_base_.fcfd)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
