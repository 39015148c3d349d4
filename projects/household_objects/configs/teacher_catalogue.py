# The teacher: a detector of mmdet, made slim, trained on the classes of another dataset.
_base_ = ["mmdet::_base_/models/faster-rcnn_r50_fpn.py", "./household.py"]

classes = ("wineglass", "mug", "key", "remote_control", "alarm_clock", "bath_towel")
root = "data/catalogue/"
data = dict(dataset=dict(type="CocoDataset", data_root=root, metainfo=dict(classes=classes)))
train_dataloader = val_dataloader = test_dataloader = data
val_evaluator = test_evaluator = dict(ann_file=root + "annotations/instances_val2017.json")

backbone = dict(depth=18, base_channels=32, stem_channels=32, init_cfg=None)
model = dict(
    backbone=dict(**backbone, frozen_stages=-1, norm_eval=False),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64, anchor_generator=dict(scales=[4])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64),
        bbox_head=dict(in_channels=64, fc_out_channels=256, num_classes=6),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=200, max_per_img=200), rcnn=dict(sampler=dict(num=64))
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)
