_base_ = [
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/cifar_240e.py",
    "../_base_/default_runtime.py",
    "../_base_/distillation.py",
]

model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/resnet8x4.py",
    teacher=dict(
        model="mmkd::_base_/models/cifar/resnet32x4.py",
        checkpoint="work_dirs/resnet32x4_cifar100/epoch_240.pth",
    ),
    student_loss_weight=0.1,
    input_shape=(3, 32, 32),
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0), weight=0.9)),
)
