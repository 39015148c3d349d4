_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/fcfd.py"]

own = ["backbone.blocks.1", "backbone.blocks.2", "backbone.blocks.4", "backbone.conv2.1"]
theirs = [f"backbone.block{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(kd=_base_.kd, fcfd=dict(student=own, teacher=theirs, **_base_.fcfd)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
