_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet.py", "../_base_/methods/ls.py"]

kd = dict(loss=dict(temperature=2.0, **_base_.ls), weight=9.0)
model = dict(terms=dict(kd=kd))
