_base_ = ["../../baseline/resnet8_w8_fmnist8k.py", "../distillation.py"]

model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student="mmkd::baseline/resnet8_w8_fmnist8k.py",
    teachers={
        f"teacher{seed}": dict(
            model="mmkd::baseline/resnet20_fmnist8k.py",
            checkpoint=f"work_dirs/resnet20_fmnist8k_seed{seed}/epoch_10.pth",
        )
        for seed in range(3)
    },
    input_shape=(1, 28, 28),
)
