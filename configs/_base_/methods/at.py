# AT in the settings of RepDistiller and mdistiller.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                at=dict(
                    student="@stages",
                    teacher="@stages",
                    loss=dict(type="mmkd.ATLoss", p=2),
                    weight=1000.0,
                )
            )
        )
    )
)
options = dict(p="model.terms.at.loss.p", weight="model.terms.at.weight")
