# Our own data, with the schedule and the runtime of mmdet: AdamW from random weights, 8 epochs.
_base_ = [
    "mmdet::_base_/datasets/coco_detection.py",
    "mmdet::_base_/schedules/schedule_1x.py",
    "mmdet::_base_/default_runtime.py",
]
custom_imports = dict(imports=["mmkd", "projects.household_objects"], allow_failed_imports=False)

root = "data/household/"
load = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
resize = dict(type="Resize", scale=(128, 128), keep_ratio=True)
flip = dict(type="RandomFlip", prob=0.5)
keys = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
pack = dict(type="PackDetInputs", meta_keys=keys)
process = dict(num_workers=0, persistent_workers=False)
own = dict(type="HouseholdDataset", data_root=root)
train_dataloader = dict(
    batch_size=4,
    **process,
    dataset=dict(**own, pipeline=[*load, resize, flip, dict(type="PackDetInputs")]),
)
val_dataloader = dict(**process, dataset=dict(**own, pipeline=[*load, resize, pack]))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=root + "annotations/instances_val2017.json")
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=8, val_interval=8)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="AdamW", lr=0.001, weight_decay=0.05),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type="CosineAnnealingLR", T_max=8, end=8, by_epoch=True, convert_to_iter_based=True),
]
