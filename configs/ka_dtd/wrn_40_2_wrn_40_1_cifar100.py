_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/ka_dtd.py"]

model = _base_.method.classifier.model
