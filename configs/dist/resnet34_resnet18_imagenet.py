_base_ = "../_base_/pairs/resnet34_resnet18_imagenet.py"

dist = dict(loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=1.0), weight=2.0)
model = dict(terms=dict(dist=dist))
# 256 images an iteration, as 8 processes with 32, at rate 0.1.
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
