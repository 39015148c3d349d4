_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/semckd.py"]

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3)]
semckd = dict(student=stages, teacher=stages, **_base_.semckd)
model = dict(terms=dict(kd=_base_.kd, semckd=semckd))
