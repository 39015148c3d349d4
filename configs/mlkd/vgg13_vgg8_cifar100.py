_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100_two_views.py", "../_base_/methods/mlkd.py"]

model = dict(student_loss_weight=0.2, terms=dict(mlkd=_base_.mlkd))
optim_wrapper = dict(optimizer=dict(lr=0.01))
