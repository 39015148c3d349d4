_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet.py", "../_base_/methods/srrl.py"]

model = dict(terms=dict(srrl=_base_.srrl))
