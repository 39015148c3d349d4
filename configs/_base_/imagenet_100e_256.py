# The same with 256 images an iteration, as 8 processes with 32: the recipe of most methods.
_base_ = "./imagenet_100e.py"

train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
