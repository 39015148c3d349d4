_base_ = "../_base_/cifar100_240e.py"

network = "mmkd::_base_/models/cifar/wrn_40_2.py"
model = dict(
    type="mmkd.Distiller",
    student=network,
    teacher=dict(model=network, checkpoint="work_dirs/wrn_40_2_cifar100/epoch_240.pth"),
    input_shape=(3, 32, 32),
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0))),
)
