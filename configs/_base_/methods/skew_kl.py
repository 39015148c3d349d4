# The skewed KL divergence, with the temperature and the weights of KD.
loss = dict(type="mmkd.SkewKLLoss", skew=0.1, temperature=4.0)
method = dict(
    classifier=dict(
        model=dict(student_loss_weight=0.1, terms=dict(kd=dict(loss=loss, weight=0.9)))
    ),
    roi=dict(model=dict(terms=dict(kd=dict(loss=dict(loss, temperature=1.0))))),
)
options = dict(
    skew="model.terms.kd.loss.skew",
    reverse="model.terms.kd.loss.reverse",
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
del loss
