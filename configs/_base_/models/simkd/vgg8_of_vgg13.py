# vgg8 with SimKD's projector and a classifier as that of a vgg13.
_base_ = "../cifar/vgg8.py"

model = dict(
    neck=[
        dict(type="mmkd.SimKDNeck", in_channels=512, out_channels=512),
        dict(type="GlobalAveragePooling"),
    ],
    head=dict(in_channels=512, init_cfg=None),
)
