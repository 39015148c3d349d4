_base_ = "../_base_/pairs/resnet32x4_resnet8x4_cifar100.py"

simkd = dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
model = dict(
    student="mmkd::_base_/models/simkd/resnet8x4_of_resnet32x4.py",
    student_loss_weight=0.0,
    terms=dict(simkd=simkd),
)
# The classifier stays the teacher's.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"student.head": dict(lr_mult=0, decay_mult=0)})
)
