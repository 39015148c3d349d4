_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

stages = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
model = dict(
    student_loss_weight=1.0,
    terms=dict(
        kd=dict(weight=1.0),
        semckd=dict(
            student=stages,
            teacher=stages,
            loss=dict(type="mmkd.SemCKDLoss", batch_size=64),
            weight=40.0,
        ),
    ),
)
