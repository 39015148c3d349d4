"""Two-stage teachers run no further than their taps require, on the student's RoIs."""

import pytest
import tiny_detectors as tiny
import torch
from torch import nn

from mmkd.distillers import Step
from mmkd.losses import KDLoss
from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher
from mmkd.weights import EntropyWeight

FC = Tap.parse(tiny.FC)
ROIS = Tap.parse("roi_head.bbox_roi_extractor:input[1]")
PYRAMID = [f"neck.fpn_convs.{level}" for level in range(4)]
HINT = dict(student=PYRAMID, teacher=PYRAMID, loss=dict(type="mmkd.HintLoss"))


def step_of(model, data=None) -> Step:
    steps = []
    handle = model.observe(steps.append)
    model(**model.data_preprocessor(data or tiny.batch(), True), mode="loss")
    handle.remove()
    return steps[0]


def calls(network: nn.Module, *paths: str) -> list[str]:
    """Names of the parts of a network that have run, filled as they run."""
    seen = []
    for path in paths:
        part = network.get_submodule(path)
        part.register_forward_hook(lambda *_, path=path: seen.append(path))
    return seen


def test_roi_logits_are_compared_on_the_students_own_rois():
    model = tiny.distiller()
    step = step_of(model)
    rois = step.features["student"][ROIS]
    assert rois.shape[1] == 5
    teacher, student = step.teacher_logits["teacher"], step.student_logits
    assert teacher.shape == student.shape == (len(rois), tiny.CLASSES + 1)
    weight = EntropyWeight(4.0)(student, teacher)
    expected = KDLoss(temperature=1.0)(student, teacher, weight=weight)
    torch.testing.assert_close(step.losses["loss_er"], expected, rtol=1e-6, atol=0)


def test_the_students_head_runs_once_and_the_teachers_rpn_never():
    model = tiny.distiller()
    student = calls(model.student, "backbone", "rpn_head.rpn_cls", "roi_head.bbox_head")
    teacher = calls(
        model.teachers["teacher"].network,
        "backbone",
        "rpn_head.rpn_cls",
        "roi_head.bbox_head.fc_cls",
    )
    step_of(model)
    assert student.count("backbone") == student.count("roi_head.bbox_head") == 1
    assert teacher == ["backbone", "roi_head.bbox_head.fc_cls"]


def test_a_teacher_of_features_alone_stops_at_its_neck():
    model = tiny.distiller(terms=dict(fpn=HINT))
    teacher = calls(model.teachers["teacher"].network, "backbone", "roi_head.bbox_head.fc_cls")
    assert step_of(model).losses["loss_fpn"] > 0
    assert teacher == ["backbone"]


def test_labels_of_rois_are_read_where_the_student_computes_them():
    shift = dict(type="mmkd.KDLoss", target=dict(type="mmkd.ProbabilityShift"))
    labels = "roi_head.bbox_head.loss_cls:input[1]"
    model = tiny.distiller(terms=dict(ka=dict(loss=shift, labels=labels)))
    step = step_of(model)
    read = step.features["student"][Tap.parse(labels)]
    assert read.shape == (len(step.student_logits),)
    assert set(read.tolist()) <= set(range(tiny.CLASSES + 1))
    expected = model.terms["ka"].loss(
        step.student_logits, step.teacher_logits["teacher"], labels=read
    )
    torch.testing.assert_close(step.losses["loss_ka"], expected)


def test_each_stage_of_a_cascade_has_its_rois():
    heads = [f"roi_head.bbox_head.{stage}.fc_cls" for stage in range(3)]
    terms = {
        f"stage{i}": dict(student=head, teacher=head, loss=dict(type="mmkd.KDLoss"))
        for i, head in enumerate(heads)
    }
    model = tiny.distiller(
        student=tiny.cascade_rcnn(), teacher=dict(model=tiny.cascade_rcnn(50)), terms=terms
    )
    step = step_of(model)
    for i, head in enumerate(heads):
        rois = step.features["student"][Tap.parse(f"roi_head.bbox_roi_extractor.{i}:input[1]")]
        assert step.features["teacher"][Tap.parse(head)].shape[0] == len(rois)
        assert step.losses[f"loss_stage{i}"] > 0


def test_features_of_a_dense_detector():
    model = tiny.distiller(
        student=tiny.retinanet(), teacher=dict(model=tiny.retinanet(50)), terms=dict(fpn=HINT)
    )
    assert step_of(model).losses["loss_fpn"] > 0


def test_roi_logits_of_a_student_without_rois_are_refused_in_words():
    pyramid = dict(student=PYRAMID[0], teacher=tiny.FC, loss=dict(type="mmkd.HintLoss"))
    with pytest.raises(ValueError, match=r"RetinaNet has no module 'roi_head"):
        tiny.distiller(student=tiny.retinanet(), terms=dict(kd=pyramid))


def test_padding_keeps_its_value_in_the_teachers_normalisation():
    other = dict(
        type="DetDataPreprocessor", mean=[1.0, 2.0, 3.0], std=[9.0, 8.0, 7.0], pad_size_divisor=32
    )
    model = tiny.distiller(teacher=dict(model=tiny.faster_rcnn(data_preprocessor=other)))
    data = model.data_preprocessor(tiny.batch(), False)
    teacher: Teacher = model.teachers["teacher"]
    given = teacher.prepare(data["inputs"], data["data_samples"])
    wanted = teacher.network.data_preprocessor(tiny.batch(), False)["inputs"]
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)


def test_images_without_boxes_train(recwarn):
    model = tiny.distiller()
    losses = step_of(model, tiny.batch([0, 0])).losses
    assert losses["loss_er"].isfinite()
    losses["loss_er"].backward()
