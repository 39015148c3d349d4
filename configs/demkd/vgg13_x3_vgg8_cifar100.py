_base_ = ["../_base_/pairs/vgg13_x3_vgg8_cifar100.py", "../_base_/methods/demkd.py"]

model = _base_.method.classifier.model
