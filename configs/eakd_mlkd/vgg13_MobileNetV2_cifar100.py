_base_ = [
    "../_base_/pairs/vgg13_MobileNetV2_cifar100_two_views.py",
    "../_base_/methods/eakd_mlkd.py",
]

model = _base_.method.classifier.model
model.merge(_base_.published.vgg13_MobileNetV2_cifar100_two_views.model)
