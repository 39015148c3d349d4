dataset_type = "mmkd.Digits"
data_preprocessor = dict(
    num_classes=10,
    # Of the training images, whose values are 0 to 16:
    # python -c "import numpy as np; from mmkd.datasets import Digits; d = Digits();
    #   x = np.stack([d[i]['img'] for i in range(len(d))]); print(x.mean(), x.std())"
    mean=[4.8973],
    std=[6.0262],
)

# No flip: a mirrored digit is another sign.
train_pipeline = [dict(type="RandomCrop", crop_size=8, padding=1), dict(type="PackInputs")]
test_pipeline = [dict(type="PackInputs")]

# Everything is in memory: worker processes would cost more than they save.
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type=dataset_type, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type=dataset_type, split="test", pipeline=test_pipeline),
)
test_dataloader = val_dataloader

val_evaluator = [dict(type="Accuracy", topk=(1,)), dict(type="mmkd.Calibration")]
test_evaluator = val_evaluator
