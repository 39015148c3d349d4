# CTKD's own settings on CIFAR-100: zhengli97/CTKD, scripts/run_cifar_distill.sh.
curriculum = dict(type="mmkd.CurriculumTemperature")
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=curriculum), weight=0.9)),
        )
    )
)
options = dict(weight="model.terms.kd.weight", epochs="model.terms.kd.loss.temperature.epochs")
published = dict(
    resnet34_resnet18_imagenet_256=dict(
        model=dict(
            student_loss_weight=1.0,
            terms=dict(kd=dict(loss=dict(temperature=dict(epochs=5)), weight=1.0)),
        ),
        train_cfg=dict(max_epochs=120),
    )
)
del curriculum
