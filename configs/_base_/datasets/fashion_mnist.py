# Without a data_root the files are taken from data/fashion_mnist or, failing that, from where
# Debian's and Ubuntu's package dataset-fashion-mnist puts them.
dataset_type = "mmkd.FashionMNIST"
data_preprocessor = dict(
    num_classes=10,
    # Of the 60,000 training images, whose values are 0 to 255:
    # python -c "import numpy as np; from mmkd.datasets import FashionMNIST; d = FashionMNIST();
    #   x = np.stack([d[i]['img'] for i in range(len(d))]); print(x.mean(), x.std())"
    mean=[72.9404],
    std=[90.0212],
)

train_pipeline = [
    dict(type="RandomCrop", crop_size=28, padding=2),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [dict(type="PackInputs")]

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type=dataset_type, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type=dataset_type, split="test", pipeline=test_pipeline),
)
test_dataloader = val_dataloader

val_evaluator = [dict(type="Accuracy", topk=(1,)), dict(type="mmkd.Calibration")]
test_evaluator = val_evaluator
