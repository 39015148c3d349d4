# KDSVD in RepDistiller's form, with mdistiller's weight.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                kdsvd=dict(student="@stages", teacher="@stages", loss=dict(type="mmkd.KDSVDLoss"))
            )
        )
    )
)
options = dict(weight="model.terms.kdsvd.weight")
