# Half of resnet8, for Fashion-MNIST, with a projector of SimKD and the classifier of a resnet20.
_base_ = "../cifar/resnet8.py"

model = dict(
    backbone=dict(in_channels=1, widths=(8, 8, 16, 32)),
    neck=[
        dict(type="mmkd.SimKDNeck", in_channels=32, out_channels=64),
        dict(type="GlobalAveragePooling"),
    ],
    head=dict(num_classes=10, in_channels=64, topk=(1,), init_cfg=None),
)
