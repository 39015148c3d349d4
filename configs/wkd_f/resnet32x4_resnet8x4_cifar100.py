_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/wkd_f.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet32x4_resnet8x4_cifar100.model)
