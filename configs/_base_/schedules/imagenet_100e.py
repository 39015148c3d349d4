# The recipe of the distillation literature (mdistiller): 100 epochs of 512 images an iteration (8
# processes with 64 each); the rate is 0.2 and is divided by 10 after epochs 30, 60 and 90.
_base_ = "mmpretrain::_base_/schedules/imagenet_bs256.py"

optim_wrapper = dict(optimizer=dict(lr=0.2))
auto_scale_lr = dict(base_batch_size=512)
