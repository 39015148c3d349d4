model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/resnet8x4.py",
    teacher=dict(
        model="mmkd::_base_/models/cifar/resnet32x4.py",
        checkpoint="work_dirs/resnet32x4_cifar100/epoch_240.pth",
    ),
    input_shape=(3, 32, 32),
)
