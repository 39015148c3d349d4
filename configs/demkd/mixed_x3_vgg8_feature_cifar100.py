_base_ = ["../_base_/pairs/mixed_x3_vgg8_cifar100.py", "../_base_/methods/demkd_feature.py"]

model = _base_.method.classifier.model
