_base_ = "../kd/resnet20_resnet8_w8_fmnist8k.py"

own = [f"backbone.layer{stage}.0.relu:input" for stage in (1, 2, 3)]
theirs = [f"backbone.layer{stage}.2.relu:input" for stage in (1, 2, 3)]
norms = [f"backbone.layer{stage}.2.bn2" for stage in (1, 2, 3)]
model = dict(
    student_loss_weight=1.0,
    terms=dict(
        _delete_=True,
        ofd=dict(
            student=own,
            teacher=theirs,
            connector=dict(type="mmkd.ConvBNConnector"),
            loss=dict(type="mmkd.OFDLoss", norms=norms),
            weight=1e-3,
        ),
    ),
)
