# WSLD in the settings of cls_KD on CIFAR-100.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                wsld=dict(
                    loss=dict(type="mmkd.KDLoss", temperature=4.0),
                    sample_weight=dict(type="mmkd.WSLDWeight"),
                    weight=2.25,
                )
            )
        )
    )
)
options = dict(temperature="model.terms.wsld.loss.temperature", weight="model.terms.wsld.weight")
# The released settings on ImageNet.
imagenet = dict(
    model=dict(terms=dict(wsld=dict(loss=dict(temperature=2.0), weight=2.5))),
    optim_wrapper=dict(optimizer=dict(nesterov=True)),
)
published = dict(
    resnet34_resnet18_imagenet_256=imagenet, resnet50_mobilenet_v1_imagenet_256=imagenet
)
del imagenet
