_base_ = ["../_base_/pairs/resnet32x4_resnet8x4_cifar100.py", "../_base_/methods/ofd.py"]

own = [f"backbone.layer{stage}.0.relu:input" for stage in (1, 2, 3)]
theirs = [f"backbone.layer{stage}.4.relu:input" for stage in (1, 2, 3)]
norms = [f"backbone.layer{stage}.4.bn2" for stage in (1, 2, 3)]
model = dict(
    terms=dict(
        ofd=dict(
            student=own,
            teacher=theirs,
            loss=dict(type="mmkd.OFDLoss", norms=norms),
            **_base_.ofd,
        )
    )
)
