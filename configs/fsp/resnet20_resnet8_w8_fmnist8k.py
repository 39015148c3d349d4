_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

layers = ["backbone.relu", "backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(
    student_loss_weight=1.0,
    student_loss_schedule=dict(begin=2),
    terms=dict(
        _delete_=True,
        fsp=dict(
            student=layers, teacher=layers, loss=dict(type="mmkd.FSPLoss"), schedule=dict(end=2)
        ),
    ),
)
