"""Attention transfer and neuron selectivity transfer: losses between maps of any channels."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from mmkd.losses import ATLoss, NSTLoss, attention
from mmkd.registry import MODELS

LOSSES = [ATLoss, NSTLoss]


def maps(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_attention_is_where_a_layer_is_active():
    layer = torch.zeros(1, 2, 1, 3)
    layer[0, :, 0, 0] = torch.tensor([3.0, -4.0])
    layer[0, 0, 0, 2] = 2.0
    expected = {2: [25.0, 0.0, 4.0], 1: [7.0, 0.0, 2.0], 3: [91.0, 0.0, 8.0]}
    for p, active in expected.items():
        direction = torch.tensor([active])
        torch.testing.assert_close(attention(layer, p), direction / direction.norm())


def test_at_does_not_see_the_scale_of_features():
    student, teacher = maps(0, 3, 4, 5, 5), maps(1, 3, 6, 5, 5)
    torch.testing.assert_close(ATLoss()(7 * student, teacher), ATLoss()(student, teacher))
    assert ATLoss()(-2 * student, student).item() == pytest.approx(0, abs=1e-30)


def test_nst_is_the_discrepancy_of_the_means_of_the_kernels_features():
    """The kernel is an inner product of outer products, whose means' distance it measures."""
    student, teacher = maps(0, 3, 4, 5, 5), maps(1, 3, 6, 5, 5)
    means = []
    for layer in (student, teacher):
        channels = layer.flatten(2)
        channels = channels / channels.norm(dim=2, keepdim=True)
        means.append(torch.einsum("nci,ncj->nij", channels, channels) / channels.shape[1])
    expected = (means[0] - means[1]).square().sum((1, 2))
    values = NSTLoss()(student, teacher, reduction_override="none")
    torch.testing.assert_close(values, expected)


@pytest.mark.parametrize("kind", LOSSES)
def test_equal_maps_give_zero(kind):
    student = maps(0, 3, 4, 5, 5).requires_grad_()
    value = kind()(student, student.detach())
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-15)
    assert student.grad.norm() < 1e-12


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("side", ["student", "teacher"])
def test_the_larger_map_is_averaged_to_the_smaller(kind, side):
    large, small = maps(0, 3, 4, 8, 8), maps(1, 3, 6, 4, 4)
    pair, pooled = (large, small), (avg_pool2d(large, 2), small)
    if side == "teacher":
        pair, pooled = pair[::-1], pooled[::-1]
    torch.testing.assert_close(kind()(*pair), kind()(*pooled))


@pytest.mark.parametrize("kind", LOSSES)
def test_samples_are_weighed_and_lists_summed(kind):
    students, teachers = [maps(0, 3, 4, 4, 4), maps(1, 3, 2, 2, 2)], [maps(2, 3, 5, 4, 4)] * 2
    parts = [
        kind()(s, t, reduction_override="none") for s, t in zip(students, teachers, strict=True)
    ]
    assert parts[0].shape == (3,)
    weight = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    expected = ((parts[0] + parts[1]) * weight).mean()
    torch.testing.assert_close(kind()(students, teachers, weight=weight), expected)
    torch.testing.assert_close(
        kind(loss_weight=2.0)(students, teachers, weight=weight), 2 * expected
    )


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("samples", [0, 1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_gradients(kind, samples, scale):
    student = (maps(0, samples, 4, 5, 5).float() * scale).relu()
    if samples:
        student[0, 0] = 0  # a channel that is dead
    student.requires_grad_()
    value = kind()(student, maps(1, samples, 6, 5, 5).float().relu() * scale)
    value.backward()
    assert value.isfinite()
    assert student.grad.isfinite().all()
    assert student.grad.norm() < 100


@pytest.mark.parametrize("kind", LOSSES)
def test_the_teacher_gets_no_gradient_and_arithmetic_is_float32(kind):
    student, teacher = (maps(seed, 3, 4, 5, 5).float().requires_grad_() for seed in (0, 1))
    expected = kind()(student, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = kind()(student, teacher)
    value.backward()
    assert teacher.grad is None
    torch.testing.assert_close(value, expected)


def test_what_is_no_map_is_refused_in_words():
    for kind in LOSSES:
        with pytest.raises(ValueError, match="tap a stage of the backbone"):
            kind()(maps(0, 3, 4, 5, 5), maps(1, 3, 4))
    with pytest.raises(ValueError, match="at least 1"):
        MODELS.build(dict(type="mmkd.ATLoss", p=0.5))
