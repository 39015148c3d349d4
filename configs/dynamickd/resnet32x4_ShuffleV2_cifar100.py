_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/dynamickd.py"]

model = _base_.method.classifier.model
optim_wrapper = _base_.method.classifier.optim_wrapper
