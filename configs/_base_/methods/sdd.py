# SD-KD: the settings of KD in SDD's released code, for each region of three grids.
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=0.1,
            terms=dict(
                sdd=dict(
                    student="@map",
                    teacher="@map",
                    loss=dict(
                        type="mmkd.SDDLoss",
                        loss=dict(type="mmkd.KDLoss", temperature=4.0),
                        grids=[1, 2, 4],
                    ),
                    weight=0.9,
                )
            ),
        )
    )
)
options = dict(
    grids="model.terms.sdd.loss.grids",
    temperature="model.terms.sdd.loss.loss.temperature",
    weight="model.terms.sdd.weight",
    student_loss_weight="model.student_loss_weight",
)
