# wrn_16_2 with SimKD's projector and a classifier as that of a wrn_40_2.
_base_ = "../cifar/wrn_16_2.py"

model = dict(
    neck=[
        dict(type="mmkd.SimKDNeck", in_channels=128, out_channels=128),
        dict(type="GlobalAveragePooling"),
    ],
    head=dict(in_channels=128, init_cfg=None),
)
