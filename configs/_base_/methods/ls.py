# KD with logit standardisation. Temperature and weight are those of most of the released logs.
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(
                kd=dict(
                    loss=dict(
                        type="mmkd.KDLoss",
                        temperature=2.0,
                        transforms=[dict(type="mmkd.Standardize")],
                    ),
                    weight=9.0,
                )
            ),
        )
    )
)
options = dict(
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
warmer = dict(model=dict(terms=dict(kd=dict(loss=dict(temperature=3.0)))))
published = dict(
    vgg13_vgg8_cifar100=warmer,
    vgg13_MobileNetV2_cifar100=warmer,
    ResNet50_MobileNetV2_cifar100=dict(
        model=dict(terms=dict(kd=dict(loss=dict(temperature=3.0), weight=1.0)))
    ),
    resnet34_resnet18_imagenet=dict(model=dict(student_loss_weight=1.0)),
)
del warmer
