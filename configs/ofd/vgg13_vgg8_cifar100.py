_base_ = ["../_base_/pairs/vgg13_vgg8_cifar100.py", "../_base_/methods/ofd.py"]

stages = [f"backbone.block{stage}" for stage in (1, 2, 3, 4)]
norms = [f"backbone.block{stage}.4" for stage in (1, 2, 3, 4)]
model = dict(
    terms=dict(
        ofd=dict(
            student=stages,
            teacher=stages,
            loss=dict(type="mmkd.OFDLoss", norms=norms),
            **_base_.ofd,
        )
    )
)
