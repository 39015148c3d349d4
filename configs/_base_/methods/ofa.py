# OFA-KD in the released defaults: the student's logits, and those of an exit at each of its stages,
# learn the teacher's.
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                kd=dict(loss=dict(type="mmkd.OFALoss", gamma=1.0)),
                ofa=dict(
                    student="@stages",
                    teacher="@logits",
                    loss=dict(type="mmkd.OFAStageLoss", gamma=1.0),
                ),
            )
        )
    )
)
options = dict(
    gamma="model.terms.kd.loss.gamma",
    stage_gamma="model.terms.ofa.loss.gamma",
    width="model.terms.ofa.loss.width",
    weight="model.terms.kd.weight",
    stage_weight="model.terms.ofa.weight",
)
