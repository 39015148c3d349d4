# DKD with logit standardisation. In the released logs alpha and beta are those of DKD times a
# factor.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                dkd=dict(
                    loss=dict(
                        type="mmkd.DKDLoss",
                        alpha=9.0,
                        beta=18.0,
                        temperature=2.0,
                        transforms=[dict(type="mmkd.Standardize")],
                    )
                )
            )
        )
    )
)
options = dict(
    alpha="model.terms.dkd.loss.alpha",
    beta="model.terms.dkd.loss.beta",
    temperature="model.terms.dkd.loss.temperature",
    warmup="model.terms.dkd.schedule.warmup",
)
# Factor, beta and temperature.
logs = dict(
    resnet32x4_resnet8x4=(9.0, 8.0, 2.0),
    vgg13_vgg8=(15.0, 2.0, 2.0),
    wrn_40_2_wrn_16_2=(12.0, 2.0, 2.0),
    wrn_40_2_wrn_40_1=(12.0, 2.0, 2.0),
    resnet32x4_ShuffleV2=(9.0, 8.0, 2.0),
    ResNet50_MobileNetV2=(15.0, 2.0, 2.0),
    vgg13_MobileNetV2=(9.0, 2.0, 3.0),
)
published = {
    f"{pair}_cifar100": dict(
        model=dict(
            terms=dict(
                dkd=dict(
                    loss=dict(alpha=factor, beta=beta * factor, temperature=temperature),
                    schedule=dict(warmup=20),
                )
            )
        )
    )
    for pair, (factor, beta, temperature) in logs.items()
}
del logs
