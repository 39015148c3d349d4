_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/ka_dtd.py"]

model = _base_.method.classifier.model
