# CINIC-10: images of 32 x 32 pixels in CIFAR-10's classes. Training takes `train`, validation
# `valid` and the test `test`, 90,000 images each. Crop and flip are CIFAR-100's.
dataset_type = "mmkd.CINIC10"
data_root = "data/cinic10"
data_preprocessor = dict(
    num_classes=10,
    # (0.47889522, 0.47227842, 0.43047404) and (0.24205776, 0.23828046, 0.25874835) times 255, in
    # the order R G B: what the authors published (README of github.com/BayesWatch/cinic-10).
    # `python tools/dataset_tools/mean_std.py <config>` computes them from the files.
    mean=[122.1183, 120.431, 109.7709],
    std=[61.7247, 60.7615, 65.9808],
    # The files are read as B G R.
    to_rgb=True,
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomCrop", crop_size=32, padding=4),
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
    dataset=dict(type=dataset_type, data_root=data_root, split="valid", pipeline=test_pipeline),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type=dataset_type, data_root=data_root, split="test", pipeline=test_pipeline),
)

val_evaluator = [dict(type="Accuracy", topk=(1, 5)), dict(type="mmkd.Calibration")]
test_evaluator = val_evaluator
