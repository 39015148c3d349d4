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
from mmkd.weights import EntropyAdaptiveWeight, EntropyWeight

Make = Callable[..., dict[str, Any]]
QUERIES = 14
OTHERS = [
    dense.detr,
    dense.conditional_detr,
    dense.dab_detr,
    dense.deformable_detr,
    dense.ddq,
]
FAMILIES = [dense.dino, *(pytest.param(make, marks=pytest.mark.slow) for make in OTHERS)]


def without_chance(model: Distiller) -> None:
    """Let networks predict the same in training as in evaluation, for the same images."""
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if isinstance(part, nn.MultiheadAttention):
            part.dropout = 0.0


def distiller(
    make: Make, teacher: dict[str, Any] | None = None, method: str = "kddetr", **places: Any
) -> Distiller:
    """Return KD-DETR of a small detector, whose teacher has another backbone and more queries."""
    student = MODELS.build(make())
    terms = settings_for(student, [method])["model"]["terms"]
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
        chosen = {**decoder, **(queries or {})}
        if hasattr(network, "cache_dict"):
            network.cache_dict["dis_query_info"] = [0, chosen["query"].shape[1]]
        return chosen, {}

    network.pre_decoder = given
    # a DDQ expects dense queries in training
    network.decoder.training = network.bbox_head.training = False
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
    classes = KDLoss(temperature=1.0) if make is dense.detr else BinaryKDLoss(temperature=1.0)
    score = z_t.softmax(-1)[:, :-1] if make is dense.detr else z_t.sigmoid()
    each = classes(z_s, z_t, reduction_override="none") + box_losses(b_s, b_t)
    assert loss > 0
    torch.testing.assert_close(loss, average(each, score.amax(-1)), rtol=1e-4, atol=0)


def box_losses(student: Tensor, teacher: Tensor) -> Tensor:
    corners = [bbox_cxcywh_to_xyxy(boxes) for boxes in (student, teacher)]
    overlaps = GIoULoss(eps=1e-6)(*corners, reduction_override="none")
    return 5 * (student - teacher).abs().sum(1) + 2 * overlaps


def average(losses: Tensor, weights: Tensor) -> Tensor:
    return (losses * weights).sum() / weights.sum()


def noised(count: int, width: int) -> tuple[Any, dict[str, Tensor]]:
    """Return what a generator of denoising queries gives for two images, and as queries."""
    generator = torch.Generator().manual_seed(3)
    content, boxes = (torch.randn(2, count, size, generator=generator) for size in (width, 4))
    mask = torch.eye(count).bool().logical_not()
    whole = torch.zeros(count + QUERIES, count + QUERIES, dtype=torch.bool)
    whole[:count, :count] = mask
    meta = dict(num_denoising_queries=count, num_denoising_groups=count // 2)
    queries = dict(query=content, reference_points=boxes.sigmoid(), dn_mask=mask)
    return (content, boxes, whole, meta), queries


def test_denoising_queries_of_the_teacher_are_decoded_by_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = distiller(dense.dino, general=0, denoising=True)
    data = model.data_preprocessor(tiny.batch(), True)
    inputs, samples = data["inputs"], data["data_samples"]
    teacher: Any = model.teachers["teacher"].network
    given, queries = noised(8, teacher.embed_dims)
    generator = teacher.dn_query_generator
    usual = type(generator).__call__

    def call(self: Any, batch: Any) -> Any:
        return given if self is generator else usual(self, batch)

    monkeypatch.setattr(type(generator), "__call__", call)
    step = tiny.step(model)
    assert len(step.student_logits) == 2 * (QUERIES + 8) == len(step.teacher_logits["teacher"])
    loss = model(**data, mode="loss")["loss_kddetr"]
    with torch.no_grad():
        z_t, b_t, own = predictions(teacher, inputs, samples)
        z_s, b_s, _ = predictions(model.student, inputs, samples, own)
        noisy = [predictions(n, inputs, samples, queries) for n in (model.student, teacher)]
    (x_s, a_s, _), (x_t, a_t, _) = noisy
    z_s, z_t = torch.cat([z_s, x_s]), torch.cat([z_t, x_t])
    each = BinaryKDLoss(temperature=1.0)(z_s, z_t, reduction_override="none")
    each = each + box_losses(torch.cat([b_s, a_s]), torch.cat([b_t, a_t]))
    torch.testing.assert_close(loss, average(each, z_t.sigmoid().amax(-1)), rtol=1e-4, atol=0)


def test_a_batch_without_objects_has_no_denoising_queries() -> None:
    model = distiller(dense.dino, general=3, denoising=True)
    step = tiny.step(model, tiny.batch([0, 0]))
    assert len(step.student_logits) == 2 * (QUERIES + 3)


@pytest.mark.parametrize(
    ("method", "weight"), [("erkd", EntropyWeight), ("eakd", EntropyAdaptiveWeight)]
)
def test_entropies_weigh_shared_queries(method: str, weight: Any) -> None:
    model = distiller(dense.dino, method=f"{method}_kddetr", general=0)
    step = tiny.step(model)
    z_s, z_t = step.student_logits.detach(), step.teacher_logits["teacher"]
    expected = weight(temperature=4.0, activation="sigmoid")(z_s, z_t)
    weights = model.terms["kddetr"].sample_weight(z_s, z_t)
    torch.testing.assert_close(weights, expected / expected.mean())


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


@pytest.mark.parametrize(
    ("make", "message"),
    [(dense.deformable_detr, "does not train on denoising"), (dense.ddq, "would choose among")],
)
@pytest.mark.slow
def test_networks_without_denoising_queries_of_their_own_are_refused(
    make: Make, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        distiller(make, denoising=True)


def test_denoising_queries_of_other_classes_are_refused() -> None:
    places = dict(type="mmkd.SharedQueries", denoising=True)
    terms = dict(kddetr=dict(loss=dict(type="mmkd.BinaryKDLoss"), locations=places))
    teacher = dict(model=dense.dino(50), class_map=[1, 0, 3, 2])
    with pytest.raises(ValueError, match="It has other classes: set denoising=False"):
        tiny.distiller(student=dense.dino(), teacher=teacher, terms=terms, logits="@logits")


def test_no_queries_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="compares no queries"):
        SharedQueries(specific=False, general=0)
