"""Terms of detectors that are refused when they are built."""

import pytest
import tiny
import tiny_detectors as detectors

ER = dict(type="mmkd.EntropyWeight")
CWD = dict(student="neck[:]", teacher="neck[:]", loss=dict(type="mmkd.CWDLoss"))
REG = "roi_head.bbox_head.fc_reg"
BOXES = dict(
    student=REG,
    teacher=REG,
    labels="roi_head.bbox_head.loss_cls:input[1]",
    loss=dict(type="mmkd.BoxDeltaLoss"),
)


def test_features_of_images_are_not_weighed_by_logits_of_rois():
    message = r"'cwd' weighs neck\[0\].*logits in roi_head.*an image has no single weight"
    with pytest.raises(ValueError, match=message):
        detectors.distiller(terms=dict(cwd=CWD | dict(sample_weight=ER)))
    detectors.distiller(terms=dict(box=BOXES | dict(sample_weight=ER)))


def test_several_teachers_of_features_are_terms_of_their_own():
    teachers = {name: dict(model=detectors.faster_rcnn(34)) for name in ("a", "b")}
    with pytest.raises(ValueError, match="write a term for each"):
        detectors.distiller(teacher=None, teachers=teachers, terms=dict(cwd=CWD))
    terms = {name: CWD | dict(teacher={name: "neck[:]"}) for name in teachers}
    detectors.distiller(teacher=None, teachers=teachers, terms=terms)


def test_features_of_images_are_weighed_by_logits_of_images():
    review = dict(student="neck:input", teacher="neck:input", loss=dict(type="mmkd.ReviewKDLoss"))
    tiny.distiller(terms=dict(review=review | dict(sample_weight=ER)))


def test_classifiers_have_no_boxes():
    fgd = dict(student="neck:input", teacher="neck:input", loss=dict(type="mmkd.FGDLoss"))
    with pytest.raises(ValueError, match="FGDLoss of the term 'fgd' needs ground-truth boxes"):
        tiny.distiller(terms=dict(fgd=fgd))


def test_deltas_of_other_boxes_are_not_compared():
    teacher = detectors.faster_rcnn(34)
    teacher["roi_head"]["bbox_head"]["bbox_coder"]["target_stds"] = [0.05, 0.05, 0.1, 0.1]
    with pytest.raises(ValueError, match=r"'box' compares deltas .* encode boxes differently"):
        detectors.distiller(teacher=dict(model=teacher), terms=dict(box=BOXES))
