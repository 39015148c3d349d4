_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/fitnet.py"]

model = dict(
    terms=dict(hint=dict(student="backbone.layer2", teacher="backbone.layer2", **_base_.fitnet))
)
