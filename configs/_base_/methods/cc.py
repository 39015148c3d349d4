# RepDistiller's CC, on the pooled features.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                cc=dict(
                    student="@pooled",
                    teacher="@pooled",
                    loss=dict(type="mmkd.AdjacentCCLoss"),
                    weight=0.02,
                )
            )
        )
    )
)
options = dict(weight="model.terms.cc.weight")
