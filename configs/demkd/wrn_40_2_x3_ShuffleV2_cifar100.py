_base_ = ["../_base_/pairs/wrn_40_2_x3_ShuffleV2_cifar100.py", "../_base_/methods/demkd.py"]

model = _base_.method.classifier.model
