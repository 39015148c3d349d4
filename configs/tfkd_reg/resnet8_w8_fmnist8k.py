# ResNet18's settings on CIFAR-100: the factor 100 there undoes a division by 100 classes.
_base_ = "../baseline/resnet8_w8_fmnist8k.py"

released = dict(softening="softmax", temper_student=False)
model = dict(
    head=dict(
        loss=dict(_delete_=True, type="mmkd.TfKDRegLoss", alpha=0.1, temperature=20.0, **released)
    )
)
