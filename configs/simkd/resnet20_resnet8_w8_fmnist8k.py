_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

simkd = dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
model = dict(
    student="mmkd::_base_/models/simkd/resnet8_w8_of_resnet20.py",
    student_loss_weight=0.0,
    terms=dict(_delete_=True, simkd=simkd),
)
# The classifier stays the teacher's.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={"student.head": dict(lr_mult=0, decay_mult=0)})
)
