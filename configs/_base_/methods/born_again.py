# Born-again networks: the teacher is an earlier generation of the student. Its temperature of 1
# and equal weights are our interpretation.
method = dict(
    classifier=dict(model=dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0)))))
)
options = dict(weight="model.terms.kd.weight", student_loss_weight="model.student_loss_weight")
