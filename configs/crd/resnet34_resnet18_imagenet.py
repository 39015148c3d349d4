_base_ = ["../_base_/pairs/resnet34_resnet18_imagenet.py", "../_base_/methods/crd.py"]

model = dict(terms=dict(crd=dict(_base_.crd, loss=dict(_base_.crd.loss, num_samples=1281167))))

# 256 images an iteration, as 8 processes with 32.
train_dataloader = dict(batch_size=32)
optim_wrapper = dict(optimizer=dict(lr=0.1))
auto_scale_lr = dict(base_batch_size=256)
