_base_ = "../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py"

simkd = dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
model = dict(
    student="mmkd::_base_/models/simkd/wrn_16_2_of_wrn_40_2.py",
    student_loss_weight=0.0,
    terms=dict(simkd=simkd),
)
