_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    teacher=dict(
        model="mmkd::baseline/resnet8_w8_fmnist8k.py",
        checkpoint="work_dirs/resnet8_w8_fmnist8k/epoch_10.pth",
    ),
    student_loss_weight=1.0,
    terms=dict(kd=dict(loss=dict(temperature=1.0), weight=1.0)),
)
