_base_ = ["../../baseline/resnet8_cifar100_5e.py", "../distillation.py"]

model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::baseline/resnet8_cifar100_5e.py",
    teacher=dict(
        model="mmkd::baseline/resnet20_cifar100_5e.py",
        checkpoint="work_dirs/resnet20_cifar100_5e/epoch_5.pth",
    ),
)
