# ImageNet's ResNet-18 with SimKD's projector and a classifier as that of a ResNet-50.
_base_ = "mmpretrain::_base_/models/resnet18.py"

model = dict(
    neck=[
        dict(type="mmkd.SimKDNeck", in_channels=512, out_channels=2048),
        dict(type="GlobalAveragePooling"),
    ],
    head=dict(in_channels=2048, init_cfg=None),
)
