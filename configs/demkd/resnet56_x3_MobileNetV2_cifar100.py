_base_ = ["../_base_/pairs/resnet56_x3_MobileNetV2_cifar100.py", "../_base_/methods/demkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet56_x3_MobileNetV2_cifar100.model)
