_base_ = ["../_base_/pairs/vgg13_MobileNetV2_cifar100.py", "../_base_/methods/ctkd.py"]

model = dict(student_loss_weight=0.1, terms=dict(kd=_base_.ctkd))
