# RLD in the defaults of its released code.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                rld=dict(
                    loss=dict(type="mmkd.RLDLoss", alpha=1.0, beta=8.0, temperature=4.0),
                    schedule=dict(warmup=20),
                )
            )
        )
    )
)
options = dict(
    alpha="model.terms.rld.loss.alpha",
    beta="model.terms.rld.loss.beta",
    temperature="model.terms.rld.loss.temperature",
    confidence_temperature="model.terms.rld.loss.confidence_temperature",
    warmup="model.terms.rld.schedule.warmup",
)
# The settings of the released configs for ImageNet.
published = {
    f"{pair}_imagenet": dict(
        model=dict(
            terms=dict(rld=dict(loss=dict(beta=beta, temperature=1.0), schedule=dict(warmup=1)))
        )
    )
    for pair, beta in dict(resnet34_resnet18=0.5, resnet50_mobilenet_v1=2.0).items()
}
