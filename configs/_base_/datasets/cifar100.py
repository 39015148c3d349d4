dataset_type = "CIFAR100"
data_root = "data/cifar100"
data_preprocessor = dict(
    num_classes=100,
    # (0.5071, 0.4867, 0.4408) and (0.2675, 0.2565, 0.2761) times 255, in the order R G B, with
    # which the published teachers were trained. mmpretrain's CIFAR100 yields R G B, so no channels
    # are swapped.
    mean=[129.3105, 124.1085, 112.404],
    std=[68.2125, 65.4075, 70.4055],
    to_rgb=False,
)

train_pipeline = [
    dict(type="RandomCrop", crop_size=32, padding=4),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [dict(type="PackInputs")]

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type=dataset_type, data_root=data_root, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type=dataset_type, data_root=data_root, split="test", pipeline=test_pipeline),
)
# The literature has no validation split: it evaluates the test images after every epoch.
test_dataloader = val_dataloader

val_evaluator = [dict(type="Accuracy", topk=(1, 5)), dict(type="mmkd.Calibration")]
test_evaluator = val_evaluator
