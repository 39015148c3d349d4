# WKD-L in the released settings of resnet32x4 -> resnet8x4. The term `true_class` is for the true
# class, `wkd` for the others.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                true_class=dict(loss=dict(type="mmkd.NKDLoss", gamma=0.0)),
                wkd=dict(loss=dict(type="mmkd.WKDLoss", temperature=8.0), weight=600.0),
            )
        )
    )
)
options = dict(
    cost="model.terms.wkd.loss.cost",
    temperature="model.terms.wkd.loss.temperature",
    weight="model.terms.wkd.weight",
)
published = dict(
    resnet32x4_resnet8x4_cifar100=dict(
        model=dict(terms=dict(wkd=dict(schedule=dict(end=240, decay=90, cosine=True))))
    ),
    resnet34_resnet18_imagenet_256=dict(
        model=dict(
            terms=dict(
                wkd=dict(
                    loss=dict(temperature=2.0),
                    weight=30.0,
                    schedule=dict(end=100, decay=100, cosine=True),
                )
            )
        )
    ),
    resnet50_mobilenet_v1_imagenet_256=dict(
        model=dict(
            terms=dict(
                wkd=dict(
                    loss=dict(temperature=2.0, kappa=2.0),
                    weight=25.0,
                    schedule=dict(end=100, decay=100, cosine=True),
                )
            )
        )
    ),
)
