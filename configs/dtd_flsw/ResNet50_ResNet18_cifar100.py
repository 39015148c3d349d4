_base_ = ["../_base_/pairs/ResNet50_ResNet18_cifar100.py", "../_base_/methods/dtd_flsw.py"]

model = _base_.method.classifier.model
