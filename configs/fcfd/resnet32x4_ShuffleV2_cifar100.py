_base_ = ["../_base_/pairs/resnet32x4_ShuffleV2_cifar100.py", "../_base_/methods/fcfd.py"]

own = ["backbone.layer1", "backbone.layer2", "backbone.relu2"]
theirs = [f"backbone.layer{stage}" for stage in (1, 2, 3)]
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=8.0))
loss = dict(_base_.fcfd.loss, temperature=8.0)
model = dict(terms=dict(kd=kd, fcfd=dict(student=own, teacher=theirs, loss=loss)))
optim_wrapper = dict(optimizer=dict(nesterov=True))
