_base_ = "./resnet20_resnet20_cifar100.py"

network = "mmkd::_base_/models/cifar/resnet32.py"
model = dict(students=dict(first=network, second=network))
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
param_scheduler = dict(milestones=[60, 120, 180])
train_dataloader = dict(batch_size=256)
auto_scale_lr = dict(base_batch_size=256)
