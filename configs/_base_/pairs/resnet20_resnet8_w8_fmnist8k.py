_base_ = ["../../baseline/resnet8_w8_fmnist8k.py", "../distillation.py"]

model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::baseline/resnet8_w8_fmnist8k.py",
    teacher=dict(
        model="mmkd::baseline/resnet20_fmnist8k.py",
        checkpoint="work_dirs/resnet20_fmnist8k/epoch_10.pth",
    ),
    input_shape=(1, 28, 28),
)
