_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/erkd_reviewkd.py"]

model = _base_.method.classifier.model
model.merge(_base_.published.vgg13_MobileNetV2_cifar100.model)
train_dataloader = _base_.published.vgg13_MobileNetV2_cifar100.train_dataloader
optim_wrapper = _base_.published.vgg13_MobileNetV2_cifar100.optim_wrapper
auto_scale_lr = _base_.published.vgg13_MobileNetV2_cifar100.auto_scale_lr
