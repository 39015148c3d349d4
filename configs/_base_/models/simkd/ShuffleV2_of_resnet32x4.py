# ShuffleV2 with SimKD's projector and a classifier as that of a resnet32x4.
_base_ = "../cifar/ShuffleV2.py"

model = dict(
    neck=[
        dict(type="mmkd.SimKDNeck", in_channels=1024, out_channels=256),
        dict(type="GlobalAveragePooling"),
    ],
    head=dict(in_channels=256, init_cfg=None),
)
