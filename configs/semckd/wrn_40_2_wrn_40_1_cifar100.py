_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/semckd.py"]

stages = [f"backbone.block{stage}" for stage in (1, 2, 3)]
semckd = dict(student=stages, teacher=stages, **_base_.semckd)
model = dict(terms=dict(kd=_base_.kd, semckd=semckd))
