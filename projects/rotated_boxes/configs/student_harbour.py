# Oriented R-CNN with a small ResNet-18, on drawn boats and lorries: mmrotate's own config with
# these data, random weights and AdamW.
_base_ = "mmrotate::oriented_rcnn/oriented-rcnn-le90_r50_fpn_1x_dota.py"

width = 16
backbone = dict(base_channels=width, stem_channels=width, frozen_stages=-1, init_cfg=None)
model = dict(
    backbone=dict(depth=18, norm_eval=False, **backbone),
    neck=dict(in_channels=[width, 2 * width, 4 * width, 8 * width], out_channels=32),
    rpn_head=dict(in_channels=32, feat_channels=32),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32),
        bbox_head=dict(in_channels=32, fc_out_channels=64, num_classes=2),
    ),
)

load = [
    dict(type="mmdet.LoadImageFromFile"),
    dict(type="mmdet.LoadAnnotations", with_bbox=True, box_type="qbox"),
    dict(type="ConvertBoxType", box_type_mapping=dict(gt_bboxes="rbox")),
    dict(type="mmdet.Resize", scale=(128, 128), keep_ratio=True),
]
keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
flip = dict(type="mmdet.RandomFlip", prob=0.75, direction=["horizontal", "vertical", "diagonal"])
data = dict(
    type="DOTADataset",
    data_root="data/harbour/",
    metainfo=dict(classes=("boat", "lorry"), palette=[(230, 230, 230), (60, 140, 220)]),
)
process = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    batch_size=4,
    **process,
    dataset=dict(
        _delete_=True,
        **data,
        ann_file="train/annfiles/",
        data_prefix=dict(img_path="train/images/"),
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=[*load, flip, dict(type="mmdet.PackDetInputs")],
    ),
)
val_dataloader = dict(
    **process,
    dataset=dict(
        _delete_=True,
        **data,
        ann_file="val/annfiles/",
        data_prefix=dict(img_path="val/images/"),
        test_mode=True,
        pipeline=[*load, dict(type="mmdet.PackDetInputs", meta_keys=keys)],
    ),
)
test_dataloader = val_dataloader

epochs = 8
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
optimizer = dict(_delete_=True, type="AdamW", lr=0.001, weight_decay=0.05)
optim_wrapper = dict(optimizer=optimizer, clip_grad=dict(max_norm=10))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type="CosineAnnealingLR",
        T_max=epochs,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
