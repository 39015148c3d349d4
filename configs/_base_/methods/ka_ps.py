# KA by probability shift: where the teacher is wrong, the probabilities of the label and of the
# predicted class are swapped.
_base_ = "./kd.py"

classifier = _base_.method.classifier
classifier.model.terms.kd.loss = dict(
    type="mmkd.KDLoss", temperature=20.0, target=dict(type="mmkd.ProbabilityShift")
)
method = dict(_delete_=True, classifier=classifier)
del classifier
