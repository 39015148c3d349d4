# The same with the rate of MobileNetV2, ShuffleV1 and ShuffleV2.
_base_ = "./cifar100_240e_mobile.py"

train_dataloader = dict(drop_last=True)
optim_wrapper = dict(optimizer=dict(nesterov=True))
