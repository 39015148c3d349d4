# ReviewKD and DKD together, the best on boxes in DKD's paper.
_base_ = "./reviewkd.py"

classifier, roi = _base_.method.classifier, _base_.method.roi
classifier.model.terms.dkd = dict(
    loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=6.0, temperature=4.0)
)
roi.model.terms.dkd = dict(
    loss=dict(type="mmkd.DKDLoss", alpha=1.0, beta=0.25, temperature=1.0),
    labels="roi_head.bbox_head.loss_cls:input[1]",
)
method = dict(_delete_=True, classifier=classifier, roi=roi)
options = dict(
    alpha="model.terms.dkd.loss.alpha",
    beta="model.terms.dkd.loss.beta",
    temperature="model.terms.dkd.loss.temperature",
)
published = dict(
    resnet20_resnet8_w8_fmnist8k=dict(model=dict(terms=dict(dkd=dict(loss=dict(beta=2.0)))))
)
del classifier, roi
