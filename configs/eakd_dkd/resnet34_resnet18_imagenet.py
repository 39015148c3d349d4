_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet.py", "../_base_/methods/eakd_dkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet34_resnet18_imagenet.model)
