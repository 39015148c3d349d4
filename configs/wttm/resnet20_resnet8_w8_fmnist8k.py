_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        wttm=dict(
            loss=dict(type="mmkd.TTMLoss", gamma=0.2),
            sample_weight=dict(type="mmkd.PowerSumWeight", gamma=0.2),
            weight=4.0,
        ),
    ),
)
