# The target of Minifinetuning, with the temperature and the weights of KD.
target = dict(type="mmkd.Minifinetuning", threshold=0.2)
loss = dict(type="mmkd.KDLoss", temperature=4.0, target=target)
method = dict(
    classifier=dict(model=dict(student_loss_weight=0.1, terms=dict(kd=dict(loss=loss, weight=0.9))))
)
options = dict(
    threshold="model.terms.kd.loss.target.threshold",
    temperature="model.terms.kd.loss.temperature",
    weight="model.terms.kd.weight",
    student_loss_weight="model.student_loss_weight",
)
del target, loss
