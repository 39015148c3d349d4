# CWD on all levels of the neck, or on the logits of pixels with the weight of mmrazor's config for
# PSPNet; to use it on the last map of a classifier is our interpretation.
cwd = dict(loss=dict(type="mmkd.CWDLoss", temperature=1.0, loss_weight=10.0))
levels = dict(model=dict(terms=dict(cwd=dict(student="@levels", teacher="@levels", **cwd))))
method = dict(
    classifier=dict(model=dict(terms=dict(cwd=dict(student="@map", teacher="@map", **cwd)))),
    roi=levels,
    dense=levels,
    segmentor=dict(
        model=dict(
            terms=dict(
                cwd=dict(
                    student="@logits",
                    teacher="@logits",
                    loss=dict(type="mmkd.CWDLoss", temperature=1.0, loss_weight=5.0),
                )
            )
        )
    ),
)
options = dict(
    temperature="model.terms.cwd.loss.temperature", weight="model.terms.cwd.loss.loss_weight"
)
del cwd, levels
