_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet.py", "../_base_/methods/dynamickd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet34_resnet18_imagenet.model)
optim_wrapper = _base_.method.classifier.optim_wrapper
