_base_ = [
    "../_base_/pairs/resnet32x4_resnet8x4_cifar100_two_views.py",
    "../_base_/methods/mlkd_ls.py",
]

model = _base_.method.classifier.model
model.merge(_base_.published.resnet32x4_resnet8x4_cifar100_two_views.model)
