_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/at.py"]

stages = [f"backbone.relu{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(at=dict(student=stages, teacher=stages, **_base_.at)))
