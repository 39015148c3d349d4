_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/fitnet.py"]

model = dict(
    terms=dict(hint=dict(student="backbone.relu2", teacher="backbone.relu2", **_base_.fitnet))
)
