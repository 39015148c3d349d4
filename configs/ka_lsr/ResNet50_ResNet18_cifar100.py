_base_ = ["../_base_/pairs/ResNet50_ResNet18_cifar100.py", "../_base_/methods/ka_lsr.py"]

model = _base_.method.classifier.model
