_base_ = ["../_base_/pairs/wrn_40_2_wrn_40_1_cifar100.py", "../_base_/methods/ofd.py"]

# The batch norms that open the next stages are the teacher's margins and both networks' taps.
norms = ["backbone.block2.layer.0.bn1", "backbone.block3.layer.0.bn1", "backbone.bn1"]
model = dict(
    terms=dict(
        ofd=dict(
            student=norms,
            teacher=norms,
            loss=dict(type="mmkd.OFDLoss", norms=norms),
            **_base_.ofd,
        )
    )
)
