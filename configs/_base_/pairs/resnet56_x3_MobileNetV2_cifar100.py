_base_ = "../cifar100_240e_mobile_x3.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/MobileNetV2.py",
    teachers={
        f"teacher{seed}": dict(
            model="mmkd::_base_/models/cifar/resnet56.py",
            checkpoint=f"work_dirs/resnet56_cifar100_seed{seed}/epoch_240.pth",
        )
        for seed in range(3)
    },
    input_shape=(3, 32, 32),
)
