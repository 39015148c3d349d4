# BCCD, 364 microscope images of blood cells in Pascal VOC's files, at half their size. Two of 4,888
# boxes have no area (tools/dataset_tools/verify_dataset.py bccd); training ignores such boxes.
names = ("RBC", "WBC", "Platelets")
cells = dict(
    type="VOCDataset",
    data_root="data/bccd/BCCD/",
    data_prefix=dict(sub_data_root=""),
    metainfo=dict(classes=names),
)
load = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
resize = dict(type="Resize", scale=(320, 240), keep_ratio=True)
flip = dict(type="RandomFlip", prob=0.5)
keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
# There is no file in COCO's format, so CocoMetric takes the labels from the samples.
pack = dict(type="PackDetInputs", meta_keys=(*keys, "instances"))
flipped = dict(type="PackDetInputs", meta_keys=(*keys, "flip", "flip_direction"))

train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="AspectRatioBatchSampler"),
    dataset=dict(
        **cells,
        ann_file="ImageSets/Main/train.txt",
        filter_cfg=dict(filter_empty_gt=True, min_size=32, bbox_min_size=1),
        pipeline=[*load, resize, flip, flipped],
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        **cells, ann_file="ImageSets/Main/val.txt", test_mode=True, pipeline=[*load, resize, pack]
    ),
)
test_dataloader = dict(**val_dataloader)
test_dataloader["dataset"] = dict(val_dataloader["dataset"], ann_file="ImageSets/Main/test.txt")

val_evaluator = [
    dict(type="CocoMetric", metric="bbox", classwise=True),
    dict(type="VOCMetric", metric="mAP", eval_mode="area"),
]
test_evaluator = val_evaluator
