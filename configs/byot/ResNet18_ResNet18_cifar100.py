_base_ = "../_base_/cifar100_240e.py"

kd = dict(loss=dict(type="mmkd.KDLoss", temperature=3.0), weight=0.1)
# 1e-6 times the sum over 128 images of 512 channels.
hint = dict(student="neck", teacher="neck", loss=dict(type="mmkd.HintLoss"), weight=0.065536)
model = dict(
    type="mmkd.SelfDistiller",
    student="mmkd::_base_/models/cifar/ResNet18.py",
    branches={stage: f"backbone.{stage}" for stage in ("layer1", "layer2", "layer3")},
    branch_loss_weight=0.9,
    input_shape=(3, 32, 32),
    terms=dict(kd=kd, hint=hint),
)
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = dict(milestones=[75, 130, 180])
train_cfg = dict(max_epochs=200)
train_dataloader = dict(batch_size=128)
auto_scale_lr = dict(base_batch_size=128)
