_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100_two_views.py", "../_base_/methods/mlkd.py"]

model = dict(student_loss_weight=0.2, terms=dict(mlkd=_base_.mlkd))
