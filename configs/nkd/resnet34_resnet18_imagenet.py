# The released settings, of the loss and of the optimizer: 256 images, as 8 processes with 32.
_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

model = dict(terms=dict(nkd=dict(loss=dict(type="mmkd.NKDLoss", gamma=1.5, temperature=1.0))))
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
