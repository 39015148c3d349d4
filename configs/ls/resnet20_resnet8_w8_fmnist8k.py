_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=0.1,
    terms=dict(
        _delete_=True,
        kd=dict(
            loss=dict(
                type="mmkd.KDLoss", temperature=2.0, transforms=[dict(type="mmkd.Standardize")]
            ),
            weight=9.0,
        ),
    ),
)
