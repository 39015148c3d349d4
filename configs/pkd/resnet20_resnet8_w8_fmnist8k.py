_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

pkd = dict(
    student="backbone.layer3",
    teacher="backbone.layer3",
    loss=dict(type="mmkd.PKDLoss", loss_weight=6.0),
)
model = dict(student_loss_weight=1.0, terms=dict(_delete_=True, pkd=pkd))
