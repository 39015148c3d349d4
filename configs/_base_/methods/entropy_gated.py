# The forward or the reverse KL divergence, chosen by the teacher's entropy, with the temperature
# and the weights of KD.
loss = dict(type="mmkd.EntropyGatedLoss", threshold=0.5, temperature=4.0)
method = dict(
    classifier=dict(
        model=dict(student_loss_weight=0.1, terms=dict(kd=dict(loss=loss, weight=0.9)))
    ),
    roi=dict(model=dict(terms=dict(kd=dict(loss=dict(loss, temperature=1.0))))),
)
options = dict(
    threshold="model.terms.kd.loss.threshold",
    everywhere="model.terms.kd.loss.everywhere",
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
del loss
