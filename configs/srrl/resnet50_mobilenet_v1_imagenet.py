_base_ = ["../_base_/pairs/resnet50_mobilenet_v1_imagenet.py", "../_base_/methods/srrl.py"]

model = dict(terms=dict(srrl=_base_.srrl))
