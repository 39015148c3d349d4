_base_ = ["../_base_/pairs/ResNet50_MobileNetV2_cifar100.py", "../_base_/methods/eakd_ctkd.py"]

model = _base_.method.classifier.model
