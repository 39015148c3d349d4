# A hint in RepDistiller's settings: a convolutional regressor fits the second stage's map. In
# detectors the hint is on all levels of the neck, and in those with queries on what the encoder
# gives to the decoder, which is our interpretation.
hint = dict(loss=dict(type="mmkd.HintLoss"))
levels = dict(student="@levels", teacher="@levels", **hint)
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                hint=dict(
                    student="@stages[1]",
                    teacher="@stages[1]",
                    connector=dict(type="mmkd.ConvRegConnector"),
                    weight=100.0,
                    **hint,
                )
            )
        )
    ),
    roi=dict(model=dict(terms=dict(hint=levels))),
    dense=dict(model=dict(terms=dict(hint=levels))),
    queries=dict(model=dict(terms=dict(hint=dict(student="@memory", teacher="@memory", **hint)))),
)
options = dict(weight="model.terms.hint.weight")
del hint, levels
