# Tf-KD's recipe on CIFAR-100: 200 epochs of 128 images an iteration; the rate is 0.1 after an epoch
# of warm-up and is divided by 5 after epochs 60, 120 and 160.
_base_ = "./cifar_240e.py"

optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, end=1, by_epoch=True, convert_to_iter_based=True),
    dict(type="MultiStepLR", by_epoch=True, milestones=[60, 120, 160], gamma=0.2),
]
train_cfg = dict(max_epochs=200)
auto_scale_lr = dict(base_batch_size=128)
