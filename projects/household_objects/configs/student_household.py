# The student alone: the teacher's detector with a quarter of its width, and our own classes.
_base_ = ["mmdet::_base_/models/faster-rcnn_r50_fpn.py", "./household.py"]

backbone = dict(depth=18, base_channels=8, stem_channels=8, init_cfg=None)
model = dict(
    backbone=dict(**backbone, frozen_stages=-1, norm_eval=False),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32),
        bbox_head=dict(in_channels=32, fc_out_channels=64, num_classes=5),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=200, max_per_img=200), rcnn=dict(sampler=dict(num=64))
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)
