_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet_256.py", "../_base_/methods/mgd_imagenet.py"]

model = dict(terms=dict(mgd=_base_.mgd))
