_base_ = "mmdet::gfl/gfl_r50_fpn_1x_coco.py"

model = dict(
    _scope_="mmdet",
    backbone=dict(depth=18, init_cfg=dict(checkpoint="torchvision://resnet18")),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
