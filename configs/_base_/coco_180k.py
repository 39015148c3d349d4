# The papers' detection schedule (ER-KD's released configs, after ReviewKD and mdistiller): 180,000
# iterations of 8 images, rate 0.01, a tenth after 120,000 and 160,000. As 8 processes with 1 image.
_base_ = "./coco_1x.py"

train_dataloader = dict(batch_size=1, sampler=dict(type="InfiniteSampler", shuffle=True))
train_cfg = dict(_delete_=True, type="IterBasedTrainLoop", max_iters=180000, val_interval=20000)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(
        type="MultiStepLR",
        begin=0,
        end=180000,
        by_epoch=False,
        milestones=[120000, 160000],
        gamma=0.1,
    ),
]
optim_wrapper = dict(optimizer=dict(lr=0.01))
default_hooks = dict(
    logger=dict(log_metric_by_epoch=False),
    checkpoint=dict(by_epoch=False, interval=20000, max_keep_ckpts=2),
)
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(base_batch_size=8)
