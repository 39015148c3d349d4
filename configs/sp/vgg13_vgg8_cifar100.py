_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/sp.py"]

model = dict(terms=dict(sp=dict(student="backbone.relu4", teacher="backbone.relu4", **_base_.sp)))
