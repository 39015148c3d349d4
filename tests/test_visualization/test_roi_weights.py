"""Data of a step for a figure of its RoIs."""

from typing import Any

import pytest
import torch

pytest.importorskip("mmdet")

from tiny_detectors import CLASSES, FC, batch, cascade_rcnn, distiller, faster_rcnn, retinanet

from mmkd.distillers import Distiller, Step
from mmkd.registry import MODELS
from mmkd.visualization import RoIWeights, roi_weights

NAMES = ["bath_towel", "alarm_clock", "mug", "key"]
ER = dict(type="mmkd.EntropyWeight", temperature=4.0)
KD = dict(type="mmkd.KDLoss", temperature=1.0)


@torch.no_grad()
def step_of(model: Distiller) -> Step:
    steps: list[Step] = []
    model.eval()
    with model.observe(steps.append):
        model(**model.data_preprocessor(batch(), True), mode="loss")
    return steps[0]


def cascade(**settings: Any) -> Distiller:
    """A distiller with a term on each of two stages of a cascade."""
    logits = [f"roi_head.bbox_head.{stage}.fc_cls" for stage in (0, 2)]
    terms = {
        f"stage{stage}": dict(loss=KD, sample_weight=ER, logits=tap)
        for stage, tap in zip((0, 2), logits, strict=True)
    }
    networks = dict(student=cascade_rcnn(), teacher=dict(model=cascade_rcnn(50)))
    return distiller(**networks, logits=logits[0], terms=terms)


@pytest.fixture(scope="module")
def model() -> Distiller:
    return distiller()


@pytest.fixture(scope="module")
def step(model: Distiller) -> Step:
    return step_of(model)


def by_hand(weights: list[float], likeliest: list[int]) -> RoIWeights:
    """Three boxes side by side, and a near copy of the second."""
    boxes = torch.tensor([[0, 0, 10, 10], [20, 0, 30, 10], [20, 1, 30, 11], [40, 0, 50, 10.0]])
    chances = torch.eye(3)[likeliest] * 0.8 + 0.05
    names = ["mug", "key", "background"]
    return RoIWeights(boxes, torch.tensor(weights), chances, chances, names)


@pytest.mark.parametrize("image", [0, 1])
def test_each_image_has_its_rois_and_their_weights(
    model: Distiller, step: Step, image: int
) -> None:
    found = roi_weights(model, step, "er", NAMES, image=image)
    height, width = [(64, 96), (80, 64)][image]
    assert len(found.boxes) > 10
    assert found.boxes.min() >= 0
    assert (found.boxes[:, 2:] <= torch.tensor([width, height])).all()
    assert found.classes == [*NAMES, "background"]
    weight = MODELS.build(ER)
    expected = weight(found.student.log(), found.teacher.log())  # which undo the softmax
    assert torch.allclose(found.weights, expected, atol=1e-5)
    rows = step.features["student"][model.manner.roi_taps[0]][:, 0] == image
    logits = step.features["student"][model.logits["student"]]
    assert torch.equal(found.student, logits[rows].softmax(1))


def test_the_rois_of_all_images_are_those_of_the_step(model: Distiller, step: Step) -> None:
    found = [roi_weights(model, step, "er", NAMES, image=image) for image in (0, 1)]
    weights = step.terms["er"].weight
    assert weights is not None
    assert torch.equal(torch.cat([one.weights for one in found]), weights[0])


def test_another_sample_weight_is_read_alike() -> None:
    weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)
    model = distiller(terms=dict(ea=dict(loss=KD, sample_weight=weight)))
    found = roi_weights(model, step_of(model), "ea", NAMES)
    expected = MODELS.build(weight)(found.student.log(), found.teacher.log())
    assert torch.allclose(found.weights, expected, atol=1e-5)


def test_each_stage_of_a_cascade_has_its_own_rois() -> None:
    model = cascade()
    step = step_of(model)
    taps = model.manner.roi_taps
    for name, stage in (("stage0", 0), ("stage2", 2)):
        rois = step.features["student"][taps[stage]]
        found = roi_weights(model, step, name, NAMES)
        assert torch.equal(found.boxes, rois[rois[:, 0] == 0, 1:])


def test_classes_are_those_that_the_teacher_shares() -> None:
    larger = faster_rcnn(50)
    larger["roi_head"]["bbox_head"]["num_classes"] = 6
    class_map = [5, None, 0, 1]
    model = distiller(teacher=dict(model=larger, class_map=class_map))
    found = roi_weights(model, step_of(model), "er", NAMES)
    assert found.classes == ["bath_towel", "mug", "key", "background"]
    assert found.student.shape == found.teacher.shape == (len(found.boxes), 4)
    assert torch.allclose(found.teacher.sum(1), torch.ones(len(found.boxes)))


def test_the_heaviest_come_first_and_without_near_copies() -> None:
    found = by_hand([1.0, 2.0, 3.0, 0.5], [0, 0, 0, 0])
    assert found.heaviest(4) == [2, 0, 3]
    assert found.heaviest(2) == [2, 0]
    assert found.heaviest(4, overlap=0.9) == [2, 1, 0, 3]


def test_the_summary_is_of_the_teachers_objects() -> None:
    found = by_hand([1.0, 2.0, 3.0, 4.0], [2, 0, 1, 2])
    assert found.objects.tolist() == [False, True, True, False]
    assert found.summary() == (
        "2 of 4 RoIs are objects to the teacher; they have 50% of the weight"
    )


def test_what_has_no_weights_of_rois_is_refused(model: Distiller, step: Step) -> None:
    with pytest.raises(ValueError, match="no term 'kd'; there are er"):
        roi_weights(model, step, "kd", NAMES)
    with pytest.raises(ValueError, match="no teacher 'other'; it has teacher"):
        roi_weights(model, step, "er", NAMES, teacher="other")
    with pytest.raises(ValueError, match="no RoI"):
        roi_weights(model, step, "er", NAMES, image=2)
    with pytest.raises(ValueError, match=f"{CLASSES + 1} logits, but the data 2 classes"):
        roi_weights(model, step, "er", NAMES[:2])


def test_a_term_without_weights_is_refused_and_those_with_are_named() -> None:
    model = distiller(terms=dict(kd=dict(loss=KD), er=dict(loss=KD, sample_weight=ER)))
    with pytest.raises(ValueError, match=r"RoIs weigh the same\. Terms with weights: er"):
        roi_weights(model, step_of(model), "kd", NAMES)


def test_weights_of_something_else_than_rois_are_refused() -> None:
    places = dict(type="mmkd.DenseLocations", select="all")
    binary = dict(loss=dict(type="mmkd.BinaryKDLoss"), sample_weight=dict(ER, activation="sigmoid"))
    terms = dict(er=dict(binary, locations=places))
    one_stage = dict(student=retinanet(), teacher=dict(model=retinanet(50)))
    model = distiller(**one_stage, logits="bbox_head[0][:]", terms=terms)
    with pytest.raises(ValueError, match="RetinaNet has no RoIs"):
        roi_weights(model, step_of(model), "er", NAMES)
    roi = dict(student=FC, teacher=FC, loss=KD)
    for logits, message in (("[0][:]", "on several levels"), ("[0][0]", "which are not the")):
        model = distiller(logits=f"rpn_head{logits}", terms=dict(terms, kd=roi))
        with pytest.raises(ValueError, match=message):
            roi_weights(model, step_of(model), "er", NAMES)
