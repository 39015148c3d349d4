"""Queries of transformers are compared by the object that the student's matcher assigns."""

from functools import partial
from types import SimpleNamespace

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_xyxy_to_cxcywh
from torch import Tensor

from mmkd.distillers import Distiller, Step
from mmkd.networks.taps import Tap

QUERIES = dict(type="mmkd.MatchedQueries")
CLASSES, BOXES = Tap.parse("bbox_head[0]"), Tap.parse("bbox_head[1]")


def distiller(make, **term) -> Distiller:
    kind = "KDLoss" if make is dense.detr else "BinaryKDLoss"
    activation = "softmax" if make is dense.detr else "sigmoid"
    er = dict(
        loss=dict(type=f"mmkd.{kind}"),
        sample_weight=dict(type="mmkd.EntropyWeight", activation=activation),
        locations=QUERIES,
    )
    model = tiny.distiller(
        student=make(),
        teacher=dict(model=make(50, queries=14)),
        logits="bbox_head[0]",
        terms=dict(er={**er, **term}, fpn=dense.FPN),
    )
    return model.train()


def step_of(model: Distiller, boxes: list[int] | None = None) -> tuple[Step, list]:
    steps = []
    data = model.data_preprocessor(tiny.batch(boxes), True)
    handle = model.observe(steps.append)
    model(**data, mode="loss")
    handle.remove()
    return steps[0], data["data_samples"]


def matched(head, logits: Tensor, boxes: Tensor, samples: list) -> Tensor:
    """The logits that the head's own code trains towards each object, image by image."""
    rows = []
    for scores, boxes_of_image, sample in zip(logits, boxes, samples, strict=True):
        objects, (height, width) = sample.gt_instances, sample.img_shape
        given = (scores, boxes_of_image, objects, sample.metainfo)
        _, _, targets, _, found, _ = head._get_targets_single(*given)
        wanted = bbox_xyxy_to_cxcywh(
            objects.bboxes / objects.bboxes.new_tensor([width, height] * 2)
        )
        for box in wanted:
            (row,) = (row for row in found if torch.equal(targets[row], box))
            rows.append(scores[row])
    return torch.stack(rows)


@pytest.mark.parametrize("make", dense.TRANSFORMERS)
def test_both_networks_are_matched_to_the_same_objects(make):
    model = distiller(make)
    step, samples = step_of(model)
    head = model.student.bbox_head
    for name, queries in (("student", 10), ("teacher", 14)):
        logits, boxes = (step.features[name][tap][-1][:, -queries:] for tap in (CLASSES, BOXES))
        expected = matched(head, logits.detach(), boxes.detach(), samples)
        given = step.student_logits if name == "student" else step.teacher_logits[name]
        assert len(given) == 5
        assert torch.equal(given, expected)
    student, teacher = step.student_logits, step.teacher_logits["teacher"]
    er = model.terms["er"]
    weight = er.sample_weight(student, teacher)
    torch.testing.assert_close(step.losses["loss_er"], er.loss(student, teacher, weight=weight))
    model.parse_losses(step.losses)[0].backward()
    grads = [p.grad for p in model.parameters() if p.requires_grad]
    assert all(grad is not None and grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize("make", dense.TRANSFORMERS)
def test_images_without_objects(make):
    model = distiller(make)
    losses = step_of(model, [0, 0])[0].losses
    assert losses["loss_er"] == 0
    losses["loss_er"].backward()
    assert step_of(model, [0, 2])[0].losses["loss_er"].isfinite()


def test_objects_beyond_the_queries_are_left_out():
    model = distiller(dense.deformable_detr)
    step, _ = step_of(model, [12, 1])
    assert len(step.student_logits) == len(step.teacher_logits["teacher"]) == 11
    assert step.losses["loss_er"].isfinite()


def test_the_matcher_sees_boxes_of_half_precision_in_full():
    """In bfloat16 a corner of an image of 800 pixels would be off by pixels."""
    model = distiller(dense.deformable_detr)
    locations, seen = model.terms["er"].locations, []
    assign = locations._assigner.assign

    def spy(predicted, *arguments):
        seen.append(predicted)
        return assign(predicted, *arguments)

    data = model.data_preprocessor(tiny.batch([1, 1]), True)
    locations._assigner = SimpleNamespace(assign=spy)
    boxes = torch.rand(20, 4).bfloat16()
    locations._match(torch.randn(20, tiny.CLASSES).bfloat16(), boxes, data["data_samples"])
    exact = bbox_cxcywh_to_xyxy(boxes.double())
    for image, (predicted, sample) in enumerate(zip(seen, data["data_samples"], strict=True)):
        height, width = sample.img_shape
        expected = exact[image * 10 : image * 10 + 10] * torch.tensor([width, height] * 2)
        assert predicted.bboxes.dtype == predicted.scores.dtype == torch.float32
        torch.testing.assert_close(predicted.bboxes.double(), expected, rtol=1e-6, atol=1e-4)


def test_boxes_of_matched_queries():
    boxes = dict(
        student="bbox_head[1]",
        teacher="bbox_head[1]",
        loss=dict(type="mmkd.HintLoss"),
        sample_weight=None,
    )
    model = distiller(dense.deformable_detr, **boxes)
    step, _ = step_of(model)
    assert step.losses["loss_er"] > 0


def test_a_teacher_that_lacks_classes_cannot_be_matched():
    make = dense.deformable_detr
    terms = dict(kd=dict(loss=dict(type="mmkd.BinaryKDLoss"), locations=QUERIES))
    build = partial(tiny.distiller, student=make(), logits="bbox_head[0]", terms=terms)
    with pytest.raises(ValueError, match="needs labels, but the teacher 'teacher' lacks"):
        build(teacher=dict(model=make(), class_map=[0, 1, 2, None]))
    model = build(teacher=dict(model=make(), class_map=[1, 0, 3, 2])).train()
    assert step_of(model)[0].losses["loss_kd"] > 0
