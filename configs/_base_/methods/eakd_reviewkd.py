# EA-ReviewKD: ReviewKD weighted by the entropies of teacher and student.
_base_ = "./reviewkd.py"

classifier = _base_.method.classifier
classifier.model.terms.reviewkd.sample_weight = dict(
    type="mmkd.EntropyAdaptiveWeight", temperature=3.0
)
method = dict(_delete_=True, classifier=classifier)
options = dict(entropy_temperature="model.terms.reviewkd.sample_weight.temperature")
del classifier
