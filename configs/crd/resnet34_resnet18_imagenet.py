_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet_256.py", "../_base_/methods/crd.py"]

model = dict(terms=dict(crd=dict(_base_.crd, loss=dict(_base_.crd.loss, num_samples=1281167))))
