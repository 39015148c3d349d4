# The released settings of ResNet18: alpha 0.95 and, for the divergence, a factor of 50 over 100
# classes, which PyTorch's KLDivLoss divides by.
_base_ = [
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/cifar_200e.py",
    "../_base_/default_runtime.py",
    "../_base_/distillation.py",
]

network = "mmkd::_base_/models/cifar/ResNet18.py"
model = dict(
    type="mmkd.Distiller",
    student=network,
    teacher=dict(model=network, checkpoint="work_dirs/ResNet18_cifar100/epoch_240.pth"),
    student_loss_weight=0.05,
    input_shape=(3, 32, 32),
    terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=6.0), weight=0.95 * 50 / 100)),
)
train_dataloader = dict(batch_size=128)
