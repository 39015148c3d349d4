_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/erkd_fcfd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.wrn_40_2_wrn_40_1_cifar100.model)
optim_wrapper = _base_.published.wrn_40_2_wrn_40_1_cifar100.optim_wrapper
