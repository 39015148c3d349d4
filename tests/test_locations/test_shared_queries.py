"""Both decoders of a KD-DETR term get the same queries."""

from collections.abc import Callable
from typing import Any

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmdet.models.losses import GIoULoss
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy
from torch import Tensor, nn

from mmkd.composition.composing import settings_for
from mmkd.distillers import Distiller
from mmkd.locations import SharedQueries
from mmkd.losses import BinaryKDLoss, KDLoss
from mmkd.registry import MODELS

Make = Callable[..., dict[str, Any]]
QUERIES = 14
OTHERS = [dense.detr, dense.conditional_detr, dense.dab_detr, dense.deformable_detr]
FAMILIES = [dense.dino, *(pytest.param(make, marks=pytest.mark.slow) for make in OTHERS)]


def without_chance(model: Distiller) -> None:
    """Let networks predict the same in training as in evaluation, for the same images."""
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0


def distiller(make: Make, teacher: dict[str, Any] | None = None, **places: Any) -> Distiller:
    """Return KD-DETR of a small detector, whose teacher has another backbone and more queries."""
    student = MODELS.build(make())
    terms = settings_for(student, ["kddetr"])["model"]["terms"]
    terms["kddetr"]["locations"].update(places)
    teacher = make(50, queries=QUERIES) if teacher is None else teacher
    model = tiny.distiller(
        student=student, teacher=dict(model=teacher), terms=terms, logits="@logits"
    ).train()
    for network in (model.student, model.teachers["teacher"].network):
        for name, parameter in network.named_parameters():
            if "branches" in name or "fc_" in name:  # predictions that differ, and no empty boxes
                nn.init.normal_(parameter, std=0.05 if "reg" in name else 0.5)
    without_chance(model)
    return model


def predictions(network: Any, inputs: Tensor, samples: Any, queries: Any = None) -> Any:
    """Return a detector's last classes and boxes, by its whole forward; and its queries."""
    before, seen = network.pre_decoder, {}

    def given(*arguments: Any, **named: Any) -> Any:
        named.pop("batch_data_samples", None)
        training, network.training = network.training, False
        decoder, _ = before(*arguments, **named)
        network.training = training
        seen.update({n: decoder[n] for n in decoder if n not in ("memory", "dn_mask")})
        return {**decoder, **(queries or {})}, {}

    network.pre_decoder = given
    states = network.forward_transformer(network.extract_feat(inputs), samples)
    del network.pre_decoder
    classes, boxes = network.bbox_head(**states)
    return classes[-1].flatten(0, 1), boxes[-1].flatten(0, 1), seen


@pytest.mark.parametrize("make", FAMILIES)
def test_a_step_gives_the_loss_of_whole_forwards_with_the_teachers_queries(make: Make) -> None:
    model = distiller(make, general=0)
    data = model.data_preprocessor(tiny.batch(), True)
    loss = model(**data, mode="loss")["loss_kddetr"]
    inputs, samples = data["inputs"], data["data_samples"]
    with torch.no_grad():
        teacher = model.teachers["teacher"].network
        z_t, b_t, queries = predictions(teacher, inputs, samples)
        z_s, b_s, _ = predictions(model.student, inputs, samples, queries)
    assert len(z_t) == 2 * QUERIES == len(z_s)
    if make is dense.detr:
        classes, score = KDLoss(temperature=1.0), z_t.softmax(-1)[:, :-1].amax(-1)
    else:
        classes, score = BinaryKDLoss(temperature=1.0), z_t.sigmoid().amax(-1)
    corners = [bbox_cxcywh_to_xyxy(boxes) for boxes in (b_s, b_t)]
    overlaps = GIoULoss(eps=1e-6)(*corners, reduction_override="none")
    each = classes(z_s, z_t, reduction_override="none") + 5 * (b_s - b_t).abs().sum(1)
    expected = ((each + 2 * overlaps) * score).sum() / score.sum()
    assert loss > 0
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("make", FAMILIES)
def test_equal_networks_have_no_loss_on_any_queries(make: Make) -> None:
    model = distiller(make, teacher=make())
    network = model.teachers["teacher"].network
    network.load_state_dict(model.student.state_dict())
    model.student.backbone.eval()
    data = model.data_preprocessor(tiny.batch(), True)
    loss = model(**data, mode="loss")["loss_kddetr"]
    assert loss.abs() < 1e-4
    loss.backward()
    nn.init.normal_(network.encoder.layers[0].norms[0].weight)
    assert model(**data, mode="loss")["loss_kddetr"] > 1e-3


def test_random_queries_are_drawn_anew_and_train_the_student() -> None:
    model = distiller(dense.dino, specific=False, general=5)
    step = tiny.step(model)
    logits = step.student_logits
    assert logits is not None
    assert logits.shape == (2 * 5, tiny.CLASSES) == step.teacher_logits["teacher"].shape
    again = tiny.step(model)
    assert not torch.equal(again.teacher_logits["teacher"], step.teacher_logits["teacher"])
    for part in (model.student.encoder, model.student.decoder, model.student.backbone):
        assert any(parameter.grad.any() for parameter in part.parameters())


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        (dense.dino, dense.deformable_detr, "take a teacher of the same family"),
        (dense.dino, dense.retinanet, "has no decoder of queries"),
    ],
)
@pytest.mark.slow
def test_networks_whose_decoders_take_other_queries_are_refused(
    student: Make, teacher: Make, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        distiller(student, teacher(50))


def test_no_queries_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="compares no queries"):
        SharedQueries(specific=False, general=0)
