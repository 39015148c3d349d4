"""Mask queries are compared by the object that the student's matcher assigns to them."""

from collections.abc import Callable
from typing import Any

import pytest
import tiny_detectors as tiny
import tiny_masks as masks
import torch
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmkd.composition.composing import settings_for
from mmkd.distillers import Distiller, Step
from mmkd.losses import BinaryKDLoss, KDLoss
from mmkd.networks.roles import Roles
from mmkd.registry import MODELS

Make = Callable[..., dict[str, Any]]
MMDET = [masks.mask2former, pytest.param(masks.maskformer, marks=pytest.mark.slow)]


def distiller(make: Make, method: str = "kd", **others: Any) -> Distiller:
    """Return a network that learns from a deeper one with more queries."""
    student = MODELS.build(ConfigDict(make()))
    terms = settings_for(student, [method])["model"]["terms"]
    shape = dict(input_shape=(3, 64, 64))
    config = dict(type="mmkd.Distiller", student=student, terms=terms, **shape)
    model = MODELS.build({**config, "teacher": dict(model=make(50, queries=9)), **others})
    for part in model.student.modules():  # the teacher has none, in evaluation
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0
    return model.train()


def step_of(model: Distiller, data: dict[str, Any]) -> Step:
    steps: list[Step] = []
    handle = model.observe(steps.append)
    losses = model(**model.data_preprocessor(data, True), mode="loss")
    handle.remove()
    total, _ = model.parse_losses(losses)
    model.zero_grad()
    total.backward()
    return steps[0]


def instances(counts: list[int]) -> dict[str, Any]:
    return tiny.batch(counts, masks=True)


def last(output: Any) -> Tensor:
    """The last decoder layer's tensor of a list, or of one tensor with all layers."""
    return output[-1]


def matched(head: Any, logits: Tensor, found: Tensor, objects: Any) -> Tensor:
    """The query of each object by the head's own assigner, on whole masks."""
    target = interpolate(objects.masks[:, None].float(), found.shape[-2:], mode="nearest")[:, 0]
    given = InstanceData(labels=objects.labels, masks=target.long())
    assigned = head.assigner.assign(InstanceData(scores=logits, masks=found), given, {})
    return torch.stack([(assigned.gt_inds == g + 1).nonzero()[0, 0] for g in range(len(target))])


def outputs(model: Distiller, data: dict[str, Any], path: str) -> dict[str, tuple[Tensor, Tensor]]:
    """The last classes (N, Q, C) and masks (N, Q, H, W) of both networks, by their whole heads."""
    both = dict(student=model.student, teacher=model.teachers["teacher"].network)
    found = {}
    with torch.no_grad():
        for name, network in both.items():
            features = network.extract_feat(data["inputs"])
            classes, masks = getattr(network, path)(features, data["data_samples"])
            found[name] = last(classes), last(masks)
    return found


@pytest.mark.parametrize("make", MMDET)
def test_classes_and_masks_of_the_queries_of_each_object_are_compared(make: Make) -> None:
    model = distiller(make)
    data = model.data_preprocessor(instances([2, 3]), True)
    losses = model(**data, mode="loss")
    head: Any = model.student.panoptic_head
    found = outputs(model, data, "panoptic_head")
    rows: dict[str, list[tuple[Tensor, Tensor]]] = dict(student=[], teacher=[])
    samples = data["data_samples"]
    objects = head.preprocess_gt([s.gt_instances for s in samples], [None, None])
    for name, (classes, shapes) in found.items():
        for image in range(2):
            queries = matched(head, classes[image], shapes[image], objects[image])
            rows[name].append((classes[image][queries], shapes[image][queries].flatten(1)))
    z_s, z_t = (torch.cat([one for one, _ in rows[name]]) for name in rows)
    m_s, m_t = (torch.cat([two for _, two in rows[name]]) for name in rows)
    assert len(z_s) == 5
    torch.testing.assert_close(losses["loss_kd"], KDLoss(temperature=1.0)(z_s, z_t))
    by_mask = BinaryKDLoss(temperature=1.0, class_mean=True)(m_s, m_t)
    torch.testing.assert_close(losses["loss_kd_masks"], 2.5 * by_mask)


def test_both_terms_train_the_student_and_images_may_be_empty() -> None:
    model = distiller(masks.mask2former, "erkd")
    step = step_of(model, instances([0, 2]))
    assert step.losses["loss_kd"] > 0
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert step_of(model, instances([0, 0])).losses["loss_kd_masks"] == 0


def test_half_of_the_queries_are_selected() -> None:
    model = distiller(masks.mask2former, "select")
    assert len(step_of(model, instances([3, 1])).student_logits) == 2


def test_objects_beyond_the_queries_are_left_out() -> None:
    model = distiller(masks.mask2former)
    assert len(step_of(model, instances([8, 1])).student_logits) == 7


def test_masks_of_a_teacher_of_another_size_are_interpolated() -> None:
    teacher = dict(model=masks.mask2former(50, queries=9), input_size=(128, 192))
    step = step_of(distiller(masks.mask2former, teacher=teacher), instances([2, 1]))
    assert step.losses["loss_kd_masks"].isfinite()
    assert step.losses["loss_kd_masks"] > 0


@pytest.mark.parametrize(
    "make", [masks.seg_mask2former, pytest.param(masks.seg_maskformer, marks=pytest.mark.slow)]
)
def test_a_query_of_a_segmentation_network_is_matched_to_a_class_of_the_image(make: Make) -> None:
    segmentors = pytest.importorskip("tiny_segmentors")
    model = distiller(make)
    data = model.data_preprocessor(segmentors.batch(), True)
    step = step_of(model, segmentors.batch())
    kept = [sample.gt_sem_seg.data for sample in data["data_samples"]]
    classes = sum(len(set(each[each != 255].tolist())) for each in kept)
    assert len(step.student_logits) == classes > 0
    assert step.student_logits.shape[1] == 4 + 1
    assert step.losses["loss_kd_masks"] > 0


def test_pixels_of_mask_queries_are_refused_in_words() -> None:
    pytest.importorskip("mmseg")
    loss = dict(type="mmkd.KDLoss")
    terms = dict(kd=dict(loss=loss, locations=dict(type="mmkd.PixelLocations")))
    with pytest.raises(ValueError, match="MaskQueries"):
        distiller(masks.seg_mask2former, terms=terms)


def test_other_networks_are_refused_in_words() -> None:
    terms = dict(kd=dict(loss=dict(type="mmkd.KDLoss"), locations=dict(type="mmkd.MaskQueries")))
    with pytest.raises(ValueError, match="no queries that give masks"):
        tiny.distiller(terms=terms)


def test_roles_of_mask_queries() -> None:
    found = Roles.find(
        "student", MODELS.build(ConfigDict(masks.mask2former())), torch.rand(2, 3, 64, 64)
    )
    assert [str(tap) for tap in found.taps["logits"]] == ["panoptic_head[0][2]"]
    assert [str(tap) for tap in found.taps["masks"]] == ["panoptic_head[1][2]"]
    assert str(found.taps["map"][0]).startswith("backbone")
