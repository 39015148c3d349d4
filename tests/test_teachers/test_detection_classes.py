"""RoIs of teachers with other classes than the student, and detectors without RoIs."""

from typing import Any

import pytest
import tiny_detectors as tiny
import torch

from mmkd.losses import DKDLoss, KDLoss
from mmkd.networks.taps import Tap

FC = Tap.parse(tiny.FC)
LABELS = "roi_head.bbox_head.loss_cls:input[1]"


@pytest.mark.parametrize("who", ["student", "teacher"])
def test_a_detector_without_rois_is_refused_in_words(who: str) -> None:
    dense = tiny.retinanet()
    networks = dict(student=dense) if who == "student" else dict(teacher=dict(model=dense))
    with pytest.raises(
        ValueError, match=r"RetinaNet has no module 'roi_head.* Its parts: .*bbox_head"
    ):
        tiny.distiller(**networks)


def test_a_teacher_of_other_classes_is_refused_with_both_counts() -> None:
    message = "student has 4 classes and background and the teacher 'teacher' has 6 classes and ba"
    with pytest.raises(ValueError, match=message):
        tiny.distiller(teacher=dict(model=tiny.two_stage(classes=6)))


NAMES = dict(
    student=["cat", "dog", "traffic light", "owl"],
    teacher=["owl", "traffic_light", "gnu", "cat", "emu", "fox"],
)
SHARED = dict(student=[0, 2, 3, 4], teacher=[3, 1, 0, 6])  # the last one is background
KD = dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0)))


@pytest.mark.parametrize("class_map", [NAMES, {0: 3, 2: 1, 3: 0}, [3, None, 1, 0]], ids=type)
def test_a_class_map_leaves_background_to_background(class_map: Any) -> None:
    teacher = dict(model=tiny.two_stage(classes=6), class_map=class_map)
    model = tiny.distiller(teacher=teacher, terms=KD)
    done = tiny.step(model)
    student, theirs = done.features["student"][FC], done.features["teacher"][FC]
    assert (student.shape[1], theirs.shape[1]) == (5, 7)
    expected = KDLoss(temperature=1.0)(student[:, SHARED["student"]], theirs[:, SHARED["teacher"]])
    torch.testing.assert_close(done.losses["loss_kd"], expected)
    assert torch.equal(done.teacher_logits["teacher"], theirs[:, SHARED["teacher"]])


def test_dkd_of_a_teacher_that_has_more_classes_in_another_order() -> None:
    order = [3, 1, 0, 5]
    dkd = dict(loss=dict(type="mmkd.DKDLoss", temperature=1.0), labels=LABELS)
    teacher = dict(model=tiny.two_stage(classes=6), class_map=order)
    done = tiny.step(tiny.distiller(teacher=teacher, terms=dict(dkd=dkd)))
    student, theirs = done.features["student"][FC], done.features["teacher"][FC]
    labels = done.features["student"][Tap.parse(LABELS)]
    expected = DKDLoss(temperature=1.0)(student, theirs[:, [*order, 6]], labels=labels)
    torch.testing.assert_close(done.losses["loss_dkd"], expected)


def test_names_that_do_not_fit_the_heads_are_counted_without_background() -> None:
    names = NAMES | dict(teacher=NAMES["teacher"][:4])
    message = "one of 4 classes of the teacher 'teacher', which has 6 classes and background"
    with pytest.raises(ValueError, match=message):
        tiny.distiller(teacher=dict(model=tiny.two_stage(classes=6), class_map=names), terms=KD)


def test_what_a_teacher_of_other_classes_finds_is_in_the_students() -> None:
    network = tiny.two_stage(classes=6)
    network["test_cfg"]["rcnn"]["score_thr"] = 0.0
    model = tiny.distiller(teacher=dict(model=network, class_map=NAMES))
    teacher = model.teachers["teacher"]
    data = model.data_preprocessor(tiny.batch(), False)
    theirs = [sample.pred_instances for sample in teacher.network(**data, mode="predict")]
    wanted = [[{3: 0, 1: 2, 0: 3}[k] for k in f.labels.tolist() if k in (0, 1, 3)] for f in theirs]
    found = teacher.predict(**model.data_preprocessor(tiny.batch(), False))
    assert [sample.pred_instances.labels.tolist() for sample in found] == wanted
    assert any(wanted)
