_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/ls.py"]

kd = dict(loss=dict(temperature=2.0, **_base_.ls), weight=9.0)
model = dict(student_loss_weight=0.1, terms=dict(kd=kd))
