# 12 epochs from random weights by AdamW; the rate rises over 100 iterations and falls along a half
# cosine.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=6)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.001, weight_decay=0.05),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type="CosineAnnealingLR", T_max=12, end=12, by_epoch=True, convert_to_iter_based=True),
]
