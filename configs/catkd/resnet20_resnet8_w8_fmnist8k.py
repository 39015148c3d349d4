_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        cat=dict(
            student="backbone.layer3",
            teacher="backbone.layer3",
            loss=dict(type="mmkd.CATKDLoss", resolution=2),
            weight=15.0,
        ),
    ),
)
