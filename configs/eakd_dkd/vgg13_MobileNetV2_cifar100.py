_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/eakd_dkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.vgg13_MobileNetV2_cifar100.model)
