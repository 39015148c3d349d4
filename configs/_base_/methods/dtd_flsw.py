# DTD with FLSW: each sample has a temperature of its own.
_base_ = "./kd.py"

classifier = _base_.method.classifier
classifier.model.terms.kd.loss.temperature = dict(type="mmkd.FLSWTemperature", base=10.0, bias=40.0)
method = dict(_delete_=True, classifier=classifier)
options = dict(
    temperature="model.terms.kd.loss.temperature.base",
    bias="model.terms.kd.loss.temperature.bias",
)
del classifier
