_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100_two_views.py", "../_base_/methods/eakd_mlkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.vgg13_vgg8_cifar100_two_views.model)
optim_wrapper = _base_.published.vgg13_vgg8_cifar100_two_views.optim_wrapper
