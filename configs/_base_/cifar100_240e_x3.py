# What the configs with several teachers share: CA-MKD's released code trains with Nesterov's
# momentum, and without an epoch's incomplete last batch.
_base_ = "./cifar100_240e.py"

train_dataloader = dict(drop_last=True)
optim_wrapper = dict(optimizer=dict(nesterov=True))
