# The crops of tiny_imagenet.py, enlarged to the size on which the transformers were trained, as in
# distillation.
_base_ = "./tiny_imagenet.py"

enlarge = dict(type="Resize", scale=384, interpolation="bicubic")
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomCrop", crop_size=64, padding=8),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    enlarge,
    dict(type="PackInputs"),
]
test_pipeline = [dict(type="LoadImageFromFile"), enlarge, dict(type="PackInputs")]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
