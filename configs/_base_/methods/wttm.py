# WTTM: TTM weighted by the power sum of the teacher's probabilities.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                wttm=dict(
                    loss=dict(type="mmkd.TTMLoss", gamma=0.2),
                    sample_weight=dict(type="mmkd.PowerSumWeight", gamma=0.2),
                    weight=4.0,
                )
            )
        )
    )
)
options = dict(weight="model.terms.wttm.weight")
