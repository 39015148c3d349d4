_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/ft.py"]

model = dict(terms=dict(ft=dict(student="backbone.layer3", teacher="backbone.layer3", **_base_.ft)))
