_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/sp.py"]

model = dict(terms=dict(sp=dict(student="backbone.layer3", teacher="backbone.layer3", **_base_.sp)))
