# VID in the settings of RepDistiller and mdistiller, with a weight of 1.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                vid=dict(student="@stages", teacher="@stages", loss=dict(type="mmkd.VIDLoss"))
            )
        )
    )
)
options = dict(weight="model.terms.vid.weight")
