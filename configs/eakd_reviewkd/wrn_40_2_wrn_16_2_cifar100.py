_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/eakd_reviewkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.wrn_40_2_wrn_16_2_cifar100.model)
