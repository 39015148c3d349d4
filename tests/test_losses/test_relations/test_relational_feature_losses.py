"""RKD, SP and PKT: losses between the relations of features."""

import itertools

import pytest
import tiny
import torch

from mmkd.losses import PKTLoss, RKDLoss, SPLoss

LOSSES = [RKDLoss, SPLoss, PKTLoss]


def vectors(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def smooth_l1(a: float, b: float) -> float:
    d = abs(a - b)
    return d**2 / 2 if d < 1 else d - 0.5


def test_rkd_is_the_sum_over_pairs_and_triples():
    student, teacher = vectors(0, 4, 5), vectors(1, 4, 7)
    pairs, triples = {}, {}
    for name, points in (("s", student), ("t", teacher)):
        lengths = {
            (i, j): (points[i] - points[j]).norm().item()
            for i, j in itertools.product(range(4), repeat=2)
        }
        mean = sum(lengths.values()) / 12
        pairs[name] = {key: value / mean for key, value in lengths.items()}
        triples[name] = {
            (i, j, k): torch.cosine_similarity(
                points[j] - points[i], points[k] - points[i], dim=0
            ).item()
            for i, j, k in itertools.product(range(4), repeat=3)
        }
    distance = sum(smooth_l1(pairs["s"][key], pairs["t"][key]) for key in pairs["s"]) / 16
    angle = sum(smooth_l1(triples["s"][key], triples["t"][key]) for key in triples["s"]) / 64
    assert RKDLoss(1.0, 0.0)(student, teacher).item() == pytest.approx(distance)
    assert RKDLoss(0.0, 1.0)(student, teacher).item() == pytest.approx(angle)
    assert RKDLoss()(student, teacher).item() == pytest.approx(25 * distance + 50 * angle)


def test_relations_survive_a_rotation_and_a_scale():
    """RKD also a shift, PKT a scale of each sample: what they compare does not change."""
    student, teacher = vectors(0, 5, 6), vectors(1, 5, 6)
    rotation, _ = torch.linalg.qr(vectors(2, 6, 6))
    moved = {
        RKDLoss: 3 * student @ rotation + vectors(3, 6),
        SPLoss: 3 * student @ rotation,
        PKTLoss: (student @ rotation) * vectors(4, 5, 1).exp(),
    }
    for kind, features in moved.items():
        expected = kind()(student, teacher)
        torch.testing.assert_close(kind()(features, teacher), expected, rtol=1e-5, atol=0)
        assert kind()(features, student) < 1e-9
        assert expected > 1e-4


@pytest.mark.parametrize("kind", LOSSES)
def test_maps_are_vectors_and_lists_are_summed(kind):
    student, teacher, third = vectors(0, 4, 3, 2, 2), vectors(1, 4, 5, 4, 4), vectors(2, 4, 9)
    one = kind()(student, teacher)
    torch.testing.assert_close(kind()(student.flatten(1), teacher.flatten(1)), one)
    other = kind()(teacher, third)
    both = kind(loss_weight=2.0)([student, teacher], [teacher, third])
    torch.testing.assert_close(both, 2 * (one + other))


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("samples", [0, 1, 2, 5])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_moderate_gradients(kind, samples, scale):
    teacher = vectors(1, samples, 7).float() * scale
    for broken in ("none", "a sample of zeros", "equal samples"):
        student = vectors(0, samples, 6).float() * scale
        if broken == "a sample of zeros" and samples:
            student[0] = 0
        elif broken == "equal samples" and samples:
            student[:] = student[0].clone()
        student.requires_grad_()
        value = kind()(student, teacher)
        value.backward()
        assert value.isfinite()
        assert student.grad.isfinite().all()
        assert student.grad.norm() < 1e4


@pytest.mark.parametrize("kind", LOSSES)
def test_the_teacher_gets_no_gradient_and_arithmetic_is_float32(kind):
    student, teacher = (vectors(seed, 4, 6).float().requires_grad_() for seed in (0, 1))
    expected = kind()(student, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = kind()(student, teacher)
    value.backward()
    assert teacher.grad is None
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_weight_is_refused_in_words_when_built_and_when_called(kind):
    with pytest.raises(ValueError, match="no loss of a single sample"):
        kind()(vectors(0, 4, 6), vectors(1, 4, 6), weight=torch.ones(4))
    term = dict(
        loss=dict(type=f"mmkd.{kind.__name__}"),
        student="neck",
        teacher="neck",
        sample_weight=dict(type="mmkd.EntropyWeight"),
    )
    with pytest.raises(ValueError, match="no loss of a single sample"):
        tiny.distiller(terms=dict(relations=term))
