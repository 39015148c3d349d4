_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet.py", "../_base_/methods/at.py"]

stages = [f"backbone.layer{stage}" for stage in (1, 2, 3, 4)]
model = dict(terms=dict(at=dict(student=stages, teacher=stages, **_base_.at)))
