_base_ = "../_base_/cifar100_240e.py"

network = "mmkd::_base_/models/cifar/resnet8x4.py"
kd = dict(type="mmkd.KDLoss", temperature=1.0)
model = dict(
    type="mmkd.Distiller",
    student=network,
    teacher=dict(model=network),
    input_shape=(3, 32, 32),
    terms=dict(consistency=dict(loss=kd, weight=1.0, schedule=dict(warmup=5))),
)
custom_hooks = [*_base_.custom_hooks, dict(type="mmkd.MeanTeacherHook", momentum=0.999)]
