_base_ = "../_base_/pairs/vgg13_MobileNetV2_cifar100.py"

simkd = dict(student="neck.0", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
model = dict(
    student="mmkd::_base_/models/simkd/MobileNetV2_of_vgg13.py",
    student_loss_weight=0.0,
    terms=dict(simkd=simkd),
)
