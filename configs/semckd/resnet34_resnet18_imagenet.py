_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet_256.py", "../_base_/methods/semckd.py"]

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
semckd = dict(
    student=stages,
    teacher=stages,
    loss=dict(type="mmkd.SemCKDLoss", batch_size=32),
    weight=50.0,
)
model = dict(terms=dict(kd=_base_.kd, semckd=semckd))
# The published recipe.
param_scheduler = dict(milestones=[30, 60])
train_cfg = dict(max_epochs=90)
