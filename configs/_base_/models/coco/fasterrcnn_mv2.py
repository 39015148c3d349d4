_base_ = "mmdet::_base_/models/faster-rcnn_r50_fpn.py"

# Strides 4, 8, 16 and 32, before the last convolution; BatchNorm fixed, no stage frozen, as in the
# released detection configs.
model = dict(
    _scope_="mmdet",
    backbone=dict(
        _delete_=True,
        type="MobileNetV2",
        out_indices=(1, 2, 4, 6),
        norm_cfg=dict(type="BN", requires_grad=False),
        norm_eval=True,
        init_cfg=dict(type="Pretrained", checkpoint="open-mmlab://mmdet/mobilenet_v2"),
    ),
    neck=dict(in_channels=[24, 32, 96, 320]),
)
