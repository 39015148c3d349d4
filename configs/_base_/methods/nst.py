# NST in the settings of RepDistiller and mdistiller.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                nst=dict(
                    student="@stages",
                    teacher="@stages",
                    loss=dict(type="mmkd.NSTLoss"),
                    weight=50.0,
                )
            )
        )
    )
)
options = dict(weight="model.terms.nst.weight")
