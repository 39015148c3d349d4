_base_ = ["../baseline/resnet8_w8_fmnist8k.py", "../_base_/distillation.py"]

network = "mmkd::baseline/resnet8_w8_fmnist8k.py"
kd = dict(type="mmkd.KDLoss", temperature=1.0)
model = dict(
    _delete_=True,
    type="mmkd.Distiller",
    student=network,
    teacher=dict(model=network),
    input_shape=(1, 28, 28),
    terms=dict(consistency=dict(loss=kd, weight=1.0, schedule=dict(warmup=2))),
)
custom_hooks = [*_base_.custom_hooks, dict(type="mmkd.MeanTeacherHook", momentum=0.99)]
