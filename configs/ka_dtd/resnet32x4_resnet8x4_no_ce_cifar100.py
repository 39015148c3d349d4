_base_ = "./resnet32x4_resnet8x4_cifar100.py"

model = dict(student_loss_weight=0.0, terms=dict(kd=dict(weight=1.0)))
