# A network and itself, trained before.
_base_ = "./resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    teacher=dict(
        model="mmkd::baseline/resnet8_w8_fmnist8k.py",
        checkpoint="work_dirs/resnet8_w8_fmnist8k/epoch_10.pth",
    ),
)
