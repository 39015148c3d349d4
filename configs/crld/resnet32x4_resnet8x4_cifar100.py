_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100_two_views.py", "../_base_/methods/crld.py"]

model = _base_.method.classifier.model
