_base_ = "../_base_/cifar100_240e.py"

network = "mmkd::_base_/models/cifar/resnet20.py"
model = dict(
    type="mmkd.MutualDistiller",
    students=dict(first=network, second=network),
    input_shape=(3, 32, 32),
    loss=dict(type="mmkd.KDLoss", temperature=1.0),
)
optim_wrapper = dict(optimizer=dict(lr=0.1, weight_decay=1e-4, nesterov=True))
param_scheduler = dict(milestones=[100, 150])
train_cfg = dict(max_epochs=200)
train_dataloader = dict(batch_size=128)
auto_scale_lr = dict(base_batch_size=128)
