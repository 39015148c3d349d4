_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/vid.py"]

own = [f"backbone.blocks.{block}" for block in (1, 2, 4, 6)]
theirs = [f"backbone.relu{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(vid=dict(student=own, teacher=theirs, **_base_.vid)))
