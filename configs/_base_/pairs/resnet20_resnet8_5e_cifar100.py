_base_ = ["../../baseline/resnet8_5e_cifar100.py", "../distillation.py"]

model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::baseline/resnet8_5e_cifar100.py",
    teacher=dict(
        model="mmkd::baseline/resnet20_5e_cifar100.py",
        checkpoint="work_dirs/resnet20_5e_cifar100/epoch_5.pth",
    ),
)
