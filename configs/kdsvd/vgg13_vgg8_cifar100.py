_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/kdsvd.py"]

stages = [f"backbone.relu{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(kdsvd=dict(student=stages, teacher=stages, **_base_.kdsvd)))
