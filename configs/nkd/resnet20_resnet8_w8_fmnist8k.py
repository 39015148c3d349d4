_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(_delete_=True, nkd=dict(loss=dict(type="mmkd.NKDLoss", gamma=1.5, temperature=1.0))),
)
