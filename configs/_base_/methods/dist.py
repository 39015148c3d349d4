# DIST's own settings on CIFAR-100: hunto/image_classification_sota, dist_cifar.yaml. For pixels we
# take the temperature and the weight that KD has there, which is our interpretation.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                dist=dict(
                    loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=4.0),
                    weight=2.0,
                )
            )
        )
    ),
    segmentor=dict(
        model=dict(
            terms=dict(
                dist=dict(
                    loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=1.0),
                    locations=dict(type="mmkd.PixelLocations"),
                )
            )
        )
    ),
)
options = dict(
    beta="model.terms.dist.loss.beta",
    gamma="model.terms.dist.loss.gamma",
    temperature="model.terms.dist.loss.temperature",
    weight="model.terms.dist.weight",
)
published = dict(
    resnet34_resnet18_imagenet_256=dict(
        model=dict(terms=dict(dist=dict(loss=dict(temperature=1.0))))
    ),
    resnet20_resnet8_w8_fmnist8k=dict(model=dict(terms=dict(dist=dict(weight=1.0)))),
)
