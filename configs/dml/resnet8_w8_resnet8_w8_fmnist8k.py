_base_ = ["../baseline/resnet8_w8_fmnist8k.py", "../_base_/distillation.py"]

network = "mmkd::baseline/resnet8_w8_fmnist8k.py"
model = dict(
    _delete_=True,
    type="mmkd.MutualDistiller",
    students=dict(first=network, second=network),
    input_shape=(1, 28, 28),
    loss=dict(type="mmkd.KDLoss", temperature=1.0),
)
