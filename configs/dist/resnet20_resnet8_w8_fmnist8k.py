_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        dist=dict(loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=4.0)),
    ),
)
