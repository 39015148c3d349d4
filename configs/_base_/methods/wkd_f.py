# WKD-F in the released settings of resnet32x4 -> resnet8x4.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                wkd_f=dict(
                    student="@map",
                    teacher="@map",
                    connector=dict(type="mmkd.ConvBNReLUConnector"),
                    loss=dict(type="mmkd.WKDFeatureLoss", mean_weight=4.0),
                    weight=0.08,
                )
            )
        )
    )
)
options = dict(
    grid="model.terms.wkd_f.loss.grid",
    mean_weight="model.terms.wkd_f.loss.mean_weight",
    weight="model.terms.wkd_f.weight",
)
published = dict(
    resnet32x4_resnet8x4_cifar100=dict(
        model=dict(terms=dict(wkd_f=dict(schedule=dict(end=240, decay=90, cosine=True))))
    )
)
