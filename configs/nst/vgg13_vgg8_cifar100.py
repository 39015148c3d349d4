_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/nst.py"]

stages = [f"backbone.relu{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(nst=dict(student=stages, teacher=stages, **_base_.nst)))
