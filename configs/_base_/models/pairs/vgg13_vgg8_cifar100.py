model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/vgg8.py",
    teacher=dict(
        model="mmkd::_base_/models/cifar/vgg13.py",
        checkpoint="work_dirs/vgg13_cifar100/epoch_240.pth",
    ),
    input_shape=(3, 32, 32),
)
