# KA by label smoothing: where the teacher is wrong, a smoothed label takes its place.
_base_ = "./kd.py"

classifier = _base_.method.classifier
classifier.model.terms.kd.loss = dict(
    type="mmkd.KDLoss",
    temperature=20.0,
    target=dict(type="mmkd.LabelSmoothReplace", epsilon=0.985),
)
method = dict(_delete_=True, classifier=classifier)
options = dict(epsilon="model.terms.kd.loss.target.epsilon")
del classifier
