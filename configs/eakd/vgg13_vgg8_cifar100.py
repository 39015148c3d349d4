_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/eakd.py"]

model = _base_.method.classifier.model
