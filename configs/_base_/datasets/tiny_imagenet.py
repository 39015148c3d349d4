# Images of 64 x 64 pixels in 200 classes. Crop, flip, mean and std are those of ER-KD's released
# configs; mean and std are ImageNet's. The literature reports results on `split="val"`.
dataset_type = "mmkd.TinyImageNet"
data_root = "data/tiny-imagenet-200"
data_preprocessor = dict(
    num_classes=200,
    # (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225) times 255, in the order R G B.
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    # The files are read as B G R.
    to_rgb=True,
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomCrop", crop_size=64, padding=8),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [dict(type="LoadImageFromFile"), dict(type="PackInputs")]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type=dataset_type, data_root=data_root, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type=dataset_type, data_root=data_root, split="val", pipeline=test_pipeline),
)
test_dataloader = val_dataloader

val_evaluator = [dict(type="Accuracy", topk=(1, 5)), dict(type="mmkd.Calibration")]
test_evaluator = val_evaluator
