model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/MobileNetV2.py",
    teacher=dict(
        model="mmkd::_base_/models/cifar/ResNet50.py",
        checkpoint="work_dirs/ResNet50_cifar100/epoch_240.pth",
    ),
    input_shape=(3, 32, 32),
)
