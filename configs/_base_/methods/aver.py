# The average of several teachers' KD, in the settings of CA-MKD's code.
method = dict(
    classifier=dict(model=dict(terms=dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=4.0)))))
)
options = dict(temperature="model.terms.kd.loss.temperature", weight="model.terms.kd.weight")
