_base_ = "../cifar100_240e_mobile_x3.py"

model = dict(
    type="mmkd.Distiller",
    student="mmkd::_base_/models/cifar/ShuffleV1.py",
    teachers={
        f"teacher{seed}": dict(
            model="mmkd::_base_/models/cifar/wrn_40_2.py",
            checkpoint=f"work_dirs/wrn_40_2_cifar100_seed{seed}/epoch_240.pth",
        )
        for seed in range(3)
    },
    input_shape=(3, 32, 32),
)
