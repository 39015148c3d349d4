# A PSPNet on a UNet of half resolution, for scenes of 64 pixels with zeros and ones.
_base_ = ["mmseg::_base_/models/pspnet_unet_s5-d16.py", "mmseg::_base_/default_runtime.py"]

size = (64, 64)
data_preprocessor = dict(size=size, test_cfg=dict(size_divisor=8))
norm = dict(type="BN")
# nine pixels of ten are background
loss = dict(class_weight=[0.1, 1.0, 1.0])
head = dict(num_classes=3, norm_cfg=norm, loss_decode=loss)
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        base_channels=4,
        num_stages=3,
        strides=(2, 1, 1),
        enc_num_convs=(2, 2, 2),
        dec_num_convs=(2, 2),
        downsamples=(True, True),
        enc_dilations=(1, 1, 1),
        dec_dilations=(1, 1),
        norm_cfg=norm,
    ),
    decode_head=dict(in_channels=4, in_index=2, channels=8, pool_scales=(2, 4, 8), **head),
    auxiliary_head=dict(in_channels=8, in_index=1, channels=8, **head),
    test_cfg=dict(mode="whole", crop_size=None, stride=None),
)

names = ["background", "zero", "one"]
load = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")]
pack = dict(type="PackSegInputs")
scenes = dict(
    type="BaseSegDataset",
    data_root="data/segmented_scenes",
    metainfo=dict(classes=names),
    seg_map_suffix=".png",
)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(
        **scenes,
        data_prefix=dict(img_path="train2017", seg_map_path="annotations/train2017"),
        pipeline=[*load, pack],
    ),
)
val_dataloader = dict(
    num_workers=0,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        **scenes,
        data_prefix=dict(img_path="val2017", seg_map_path="annotations/val2017"),
        pipeline=[*load, pack],
    ),
)
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])

optimizer = dict(type="AdamW", lr=5e-3, weight_decay=0.05)
optim_wrapper = dict(type="OptimWrapper", optimizer=optimizer, clip_grad=dict(max_norm=10))
epochs = 6
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type="CosineAnnealingLR",
        T_max=epochs,
        end=epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=epochs, val_interval=epochs)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
log_processor = dict(by_epoch=True)
default_hooks = dict(
    checkpoint=dict(type="CheckpointHook", interval=epochs),
    logger=dict(type="LoggerHook", interval=25),
)
