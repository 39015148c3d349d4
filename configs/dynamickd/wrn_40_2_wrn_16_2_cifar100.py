_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/dynamickd.py"]

model = _base_.method.classifier.model
optim_wrapper = _base_.method.classifier.optim_wrapper
