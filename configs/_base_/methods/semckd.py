# The published settings of SemCKD on CIFAR-100, beside KD.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0)),
                semckd=dict(
                    student="@stages",
                    teacher="@stages",
                    loss=dict(type="mmkd.SemCKDLoss", batch_size=64),
                    weight=400.0,
                ),
            )
        )
    )
)
options = dict(batch_size="model.terms.semckd.loss.batch_size", weight="model.terms.semckd.weight")
published = dict(
    resnet34_resnet18_imagenet_256=dict(
        model=dict(terms=dict(semckd=dict(loss=dict(batch_size=32), weight=50.0))),
        param_scheduler=dict(milestones=[30, 60]),
        train_cfg=dict(max_epochs=90),
    ),
    resnet20_resnet8_w8_fmnist8k=dict(model=dict(terms=dict(semckd=dict(weight=40.0)))),
)
