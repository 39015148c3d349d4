_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

simkd = dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
model = dict(
    student="mmkd::_base_/models/simkd/resnet8_w8_of_resnet20.py",
    student_loss_weight=0.0,
    terms=dict(_delete_=True, simkd=simkd),
)
