_base_ = "./resnet32x4_resnet8x4_cifar100.py"

model = dict(
    shared=dict(controller=dict(type="mmkd.EntropyController")),
    student_loss_transforms=["controller"],
    terms=dict(kd=dict(loss=dict(student_transforms=["controller"]))),
)
