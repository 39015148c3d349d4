_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        rkd=dict(
            student="neck",
            teacher="neck",
            loss=dict(type="mmkd.RKDLoss", distance_weight=25.0, angle_weight=50.0),
        ),
    ),
)
