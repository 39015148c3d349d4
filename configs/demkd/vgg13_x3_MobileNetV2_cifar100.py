_base_ = ["../_base_/pairs/vgg13_x3_MobileNetV2_cifar100.py", "../_base_/methods/demkd.py"]

model = _base_.method.classifier.model
