# The released settings, of the loss and of the optimizer: 256 images, as 8 processes with 32.
_base_ = "../_base_/pairs/resnet50_mobilenet_v1_imagenet.py"

model = dict(
    terms=dict(
        wsld=dict(
            loss=dict(type="mmkd.KDLoss", temperature=2.0),
            sample_weight=dict(type="mmkd.WSLDWeight"),
            weight=2.5,
        )
    )
)
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1, nesterov=True))
auto_scale_lr = dict(base_batch_size=256)
