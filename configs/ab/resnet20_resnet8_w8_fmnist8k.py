_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

own = [f"backbone.layer{stage}.0.relu:input" for stage in (1, 2, 3)]
theirs = [f"backbone.layer{stage}.2.relu:input" for stage in (1, 2, 3)]
model = dict(
    student_loss_weight=1.0,
    student_loss_schedule=dict(begin=2),
    terms=dict(
        _delete_=True,
        ab=dict(
            student=own,
            teacher=theirs,
            connector=dict(type="mmkd.ConvBNConnector"),
            loss=dict(type="mmkd.ABLoss", margin=1.0),
            weight=0.003,
            schedule=dict(end=2),
        ),
    ),
)
