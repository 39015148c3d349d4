_base_ = "../kd/resnet32x4_ShuffleV2_cifar100.py"

controller = dict(type="mmkd.EntropyController")
model = dict(terms=dict(kd=dict(loss=dict(student_transforms=[controller]))))
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(raw_alpha=dict(lr_mult=1.0, decay_mult=0.0)))
)
