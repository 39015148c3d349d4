"""CrossKD equals a plain computation by the parts of mmdet's heads, or is refused in words."""

from typing import Any

import pytest
import tiny_dense as dense
import tiny_detectors as tiny
import torch
from mmdet.models.losses import GIoULoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div

from mmkd.composition.composing import settings_for
from mmkd.registry import MODELS
from mmkd.teachers.cross_head import align

# The last layers of each head, for classes and boxes.
LAST = dict(
    GFLHead=("gfl_cls", "gfl_reg"),
    ATSSHead=("atss_cls", "atss_reg"),
    FCOSHead=("conv_cls", "conv_reg"),
    RetinaHead=("retina_cls", "retina_reg"),
)
HEADS = [
    dense.gfl,
    *(pytest.param(each, marks=pytest.mark.slow) for each in (dense.atss, dense.fcos)),
    pytest.param(dense.retinanet, marks=pytest.mark.slow),
]


def build(student: dict[str, Any], teacher: dict[str, Any], *names: str, **options: Any) -> Any:
    network = MODELS.build(student)
    terms = settings_for(network, names or ["crosskd"])["model"]["terms"]
    for term, changes in options.items():
        terms[term].update(changes)
    model = tiny.distiller(
        student=network, teacher=dict(model=teacher), terms=terms, logits="@logits"
    ).train()
    torch.manual_seed(0)
    for detector in (model.student, model.teachers["teacher"].network):
        for part in detector.bbox_head.modules():
            if isinstance(part, nn.Conv2d):  # predictions that differ
                nn.init.normal_(part.weight, std=(2 / part.weight[0].numel()) ** 0.5)
    return model


def hold(head: Any, tower: str, levels: list[Tensor]) -> list[Tensor]:
    """Return the features behind the third convolution of a tower, before its activation."""
    first, second, third = getattr(head, tower)[:3]
    return [third(second(first(level)), activate=False) for level in levels]


def standardised(own: Tensor, theirs: Tensor) -> Tensor:
    """Give a map another's moments as the released code does, by rows of channels."""
    own, theirs = (each.transpose(0, 1).flatten(1) for each in (own, theirs))
    scaled = (own - own.mean(1, keepdim=True)) / (own.std(1, keepdim=True) + 1e-6)
    return scaled * theirs.std(1, keepdim=True) + theirs.mean(1, keepdim=True)


def crossed(head: Any, tower: str, own: list[Tensor], theirs: list[Tensor]) -> list[Tensor]:
    """Return the teacher's predictions from the student's features, module by module."""
    last = getattr(head, LAST[type(head).__name__][tower == "reg_convs"])
    found = []
    for level, (mine, its) in enumerate(zip(own, theirs, strict=True)):
        count, channels, *size = mine.shape
        aligned = standardised(mine, its).view(channels, count, *size).transpose(0, 1)
        output = last(getattr(head, tower)[3](aligned.relu()))
        if tower == "reg_convs" and hasattr(head, "scales"):
            output = head.scales[level](output)
        distances = "FCOS" in type(head).__name__ and tower == "reg_convs"
        found.append(output.exp() if distances else output)
    return found


def rows(levels: list[Tensor], width: int) -> Tensor:
    return torch.cat([level.permute(0, 2, 3, 1).reshape(-1, width) for level in levels])


def box_loss(head: Any, own: Tensor, theirs: Tensor, weight: Tensor, levels: Any) -> Tensor:
    """Return the sum of the weighted losses of boxes, and of distributions for GFL over weights."""
    if "GFL" in type(head).__name__:
        student, teacher = (each.view(-1, 17).log_softmax(1) for each in (own, theirs))
        divergence = kl_div(student, teacher, reduction="none", log_target=True).sum(1)
        return 4 * (divergence.view(-1, 4).mean(1) * weight).sum() / weight.sum()
    sizes = [level.shape[-2:] for level in levels]
    priors = head.prior_generator.grid_priors(sizes, device="cpu")
    priors = torch.cat([level.repeat(len(levels[0]), 1) for level in priors])
    boxes = [head.bbox_coder.decode(priors, each) for each in (own, theirs)]
    return GIoULoss(eps=1e-6, reduction="sum")(*boxes, weight=weight)


@pytest.mark.parametrize("head", HEADS)
def test_a_step_gives_the_losses_of_a_plain_computation(head: Any) -> None:
    model = build(head(18, stacked_convs=4), head(50, stacked_convs=4))
    data = model.data_preprocessor(tiny.batch(), True)
    student, teacher = model.student.bbox_head, model.teachers["teacher"].network.bbox_head
    factors: list[float] = []
    student.loss_cls.register_forward_pre_hook(
        lambda _, __, given: factors.append(given["avg_factor"]), with_kwargs=True
    )
    losses = model(**data, mode="loss")
    with torch.no_grad():
        networks = model.student, model.teachers["teacher"].network
        levels = [network.extract_feat(data["inputs"]) for network in networks]
        found = {}
        for tower in ("cls_convs", "reg_convs"):
            own, theirs = (
                hold(h, tower, maps) for h, maps in zip((student, teacher), levels, strict=True)
            )
            found[tower] = crossed(teacher, tower, own, theirs)
        scores, deltas = teacher(levels[1])[:2]
        logits, given = (rows(each, 4) for each in (found["cls_convs"], scores))
        target = given.sigmoid()
        focal = binary_cross_entropy_with_logits(logits, target, reduction="none")
        classes = (focal * (logits.sigmoid() - target).abs()).sum() / factors[0]
        width = 68 if head is dense.gfl else 4
        boxes = [rows(each, width) for each in (found["reg_convs"], deltas)]
        expected = box_loss(teacher, *boxes, target.amax(1), scores)
    torch.testing.assert_close(losses["loss_crosskd"], classes, rtol=1e-4, atol=0)
    divisor = 1 if head is dense.gfl else factors[0]
    torch.testing.assert_close(losses["loss_crosskd_boxes"], expected / divisor, rtol=1e-4, atol=0)


@pytest.mark.slow
def test_the_students_tower_learns_and_the_teachers_head_does_not() -> None:
    gfl = dense.gfl(stacked_convs=4)
    narrow = dense.gfl(stacked_convs=4, feat_channels=8)
    model = build(narrow, gfl, "erkd_crosskd", "pkd")
    losses = model(**model.data_preprocessor(tiny.batch(), True), mode="loss")
    assert "loss_pkd" in losses
    (losses["loss_crosskd"] + losses["loss_crosskd_boxes"]).backward()
    head = model.student.bbox_head
    for tower in (head.cls_convs, head.reg_convs):
        assert all(conv.conv.weight.grad.any() for conv in tower[:3])
        assert tower[3].conv.weight.grad is None
    connectors = [*model.terms["crosskd"].connectors.parameters()]
    assert connectors, "features of 8 channels become features of 16"
    assert all(parameter.grad.any() for parameter in connectors)
    teacher = model.teachers["teacher"].network
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
    assert not teacher.training


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            dict(cross="bbox_head.gfl_cls"),
            "no module 'bbox_head.gfl_cls.activate'",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            dict(cross="bbox_head.reg_convs.2"),
            "does not follow from 'bbox_head.reg_convs.2' alone",
            marks=pytest.mark.slow,
        ),
        (dict(locations=None), r"give it locations=dict\(type='mmkd.DenseLocations'"),
    ],
)
def test_terms_that_cannot_cross_are_refused(changes: dict[str, Any], message: str) -> None:
    gfl = dense.gfl(stacked_convs=4)
    with pytest.raises(ValueError, match=message):
        build(gfl, gfl, crosskd=changes)


def test_aligned_maps_have_the_teachers_moments() -> None:
    torch.manual_seed(0)
    student, teacher = 3 * torch.randn(2, 4, 5, 6) + 1, torch.randn(2, 4, 5, 6)
    found = align(student, teacher).transpose(0, 1).flatten(1)
    expected = teacher.transpose(0, 1).flatten(1)
    torch.testing.assert_close(found.mean(1), expected.mean(1))
    torch.testing.assert_close(found.std(1), expected.std(1))
    point = torch.zeros(1, 4, 1, 1)
    torch.testing.assert_close(align(point, teacher[:1, :, :1, :1]), teacher[:1, :, :1, :1])
