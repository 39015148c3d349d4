# The released settings of ResNet18.
_base_ = [
    "../_base_/models/cifar/ResNet18.py",
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/cifar_200e.py",
    "../_base_/default_runtime.py",
]

released = dict(softening="softmax", temper_student=False, divide_by_classes=True, multiplier=100.0)
model = dict(
    head=dict(
        loss=dict(_delete_=True, type="mmkd.TfKDRegLoss", alpha=0.1, temperature=20.0, **released)
    )
)
train_dataloader = dict(batch_size=128)
