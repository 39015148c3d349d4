_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/ft.py"]

model = dict(terms=dict(ft=dict(student="backbone.relu4", teacher="backbone.relu4", **_base_.ft)))
