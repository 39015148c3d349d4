_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/erkd_dkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.ResNet50_MobileNetV2_cifar100.model)
