# DynamicKD: KD on logits that a controller, trained with the student, brings to the teacher's
# entropy.
_base_ = "./kd.py"

classifier, roi = _base_.method.classifier, _base_.method.roi
for kind in (classifier, roi):
    kind.model.terms.kd.loss.student_transforms = [dict(type="mmkd.EntropyController")]
    kind.optim_wrapper = dict(
        paramwise_cfg=dict(custom_keys=dict(raw_alpha=dict(lr_mult=1.0, decay_mult=0.0)))
    )
method = dict(_delete_=True, classifier=classifier, roi=roi)
del classifier, roi, kind
