# RKD in the settings of RepDistiller and mdistiller, on the pooled features.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                rkd=dict(
                    student="@pooled",
                    teacher="@pooled",
                    loss=dict(type="mmkd.RKDLoss", distance_weight=25.0, angle_weight=50.0),
                )
            )
        )
    )
)
options = dict(
    distance_weight="model.terms.rkd.loss.distance_weight",
    angle_weight="model.terms.rkd.loss.angle_weight",
    weight="model.terms.rkd.weight",
)
