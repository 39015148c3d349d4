# Teachers of different architectures, named by them.
_base_ = "../cifar100_240e_x3.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/vgg8.py",
    teachers={
        name: dict(
            model=f"mmkd::_base_/models/cifar/{name}.py",
            checkpoint=f"work_dirs/{name}_cifar100/epoch_240.pth",
        )
        for name in ("vgg13", "resnet32x4", "wrn_40_2")
    },
    input_shape=(3, 32, 32),
)
