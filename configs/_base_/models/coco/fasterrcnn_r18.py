_base_ = "mmdet::_base_/models/faster-rcnn_r50_fpn.py"

model = dict(
    _scope_="mmdet",
    backbone=dict(depth=18, init_cfg=dict(checkpoint="torchvision://resnet18")),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
