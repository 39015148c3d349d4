# CRLD in its paper's settings, for two views of each image.
method = dict(
    classifier=dict(
        model=dict(
            student_loss_weight=2.0,  # the sum over views; that over the joined batch is a mean
            terms=dict(crld=dict(loss=dict(type="mmkd.CRLDLoss", temperature=4.0))),
        )
    )
)
options = dict(
    within_weight="model.terms.crld.loss.within_weight",
    across_weight="model.terms.crld.loss.across_weight",
    weak_confidence="model.terms.crld.loss.weak_confidence",
    strong_confidence="model.terms.crld.loss.strong_confidence",
    temperature="model.terms.crld.loss.temperature",
)
