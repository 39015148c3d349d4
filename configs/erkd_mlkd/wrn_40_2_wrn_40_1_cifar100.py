_base_ = [
    "../_base_/pairs/wrn_40_2_wrn_40_1_cifar100_two_views.py",
    "../_base_/methods/erkd_mlkd.py",
]

model = _base_.method.classifier.model
model.merge(_base_.published.wrn_40_2_wrn_40_1_cifar100_two_views.model)
train_cfg = _base_.published.wrn_40_2_wrn_40_1_cifar100_two_views.train_cfg
