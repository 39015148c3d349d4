_base_ = [
    "../_base_/pairs/wrn_40_2_wrn_40_1_cifar100_two_views.py",
    "../_base_/methods/erkd_mlkd.py",
]

model = dict(student_loss_weight=0.2, terms=_base_.erkd_mlkd)
train_cfg = dict(max_epochs=240)
