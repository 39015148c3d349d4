_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

cwd = dict(
    student="backbone.layer3",
    teacher="backbone.layer3",
    loss=dict(type="mmkd.CWDLoss", temperature=1.0, loss_weight=10.0),
)
model = dict(student_loss_weight=1.0, terms=dict(_delete_=True, cwd=cwd))
