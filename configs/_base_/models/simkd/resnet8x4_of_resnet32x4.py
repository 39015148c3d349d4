# resnet8x4 with SimKD's projector and the classifier of a resnet32x4.
_base_ = "../cifar/resnet8x4.py"

model = dict(
    neck=[
        dict(type="mmkd.SimKDNeck", in_channels=256, out_channels=256),
        dict(type="GlobalAveragePooling"),
    ],
    head=dict(
        in_channels=256,
        init_cfg=None,
    ),
)
