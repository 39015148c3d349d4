_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/normkd.py"]

model = _base_.method.classifier.model
