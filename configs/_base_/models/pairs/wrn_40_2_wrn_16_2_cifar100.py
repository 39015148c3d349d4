model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/wrn_16_2.py",
    teacher=dict(
        model="mmkd::_base_/models/cifar/wrn_40_2.py",
        checkpoint="work_dirs/wrn_40_2_cifar100/epoch_240.pth",
    ),
    input_shape=(3, 32, 32),
)
