_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/semckd.py"]

stages = [f"backbone.relu{stage}" for stage in (1, 2, 3, 4)]
semckd = dict(student=stages, teacher=stages, **_base_.semckd)
model = dict(terms=dict(kd=_base_.kd, semckd=semckd))
