import numpy as np
import pytest
import torch

from mmkd.losses import BatchCorrelationLoss, ClassCorrelationLoss, DISTLoss, correlation
from mmkd.registry import MODELS

LOSSES = [DISTLoss, ClassCorrelationLoss, BatchCorrelationLoss]


def logits(samples: int = 5, classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pair = torch.randn(2, samples, classes, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


def test_correlation_is_pearsons():
    first, second = logits()
    rows = [np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]
    columns = [np.corrcoef(a, b)[0, 1] for a, b in zip(first.T, second.T, strict=True)]
    assert correlation(first, second, dim=1).tolist() == pytest.approx(rows)
    assert correlation(first, second, dim=0).tolist() == pytest.approx(columns)


def test_a_constant_correlates_with_nothing():
    constant, values = torch.full((1, 7), 0.1), torch.randn(1, 7)
    constant.requires_grad_()
    found = correlation(constant, values, dim=1)
    found.sum().backward()
    assert found.abs() < 1e-6
    assert constant.grad.abs().max() < 1


def test_dist_does_not_see_scale_and_shift_of_a_sample():
    probabilities, teacher = (z.softmax(-1) for z in logits())
    moved = 3 * probabilities + 0.1
    first = correlation(probabilities, teacher, dim=1)
    torch.testing.assert_close(correlation(moved, teacher, dim=1), first)


def test_weights_of_the_two_correlations():
    student, teacher = logits()
    inter, intra = DISTLoss(1.0, 0.0)(student, teacher), DISTLoss(0.0, 1.0)(student, teacher)
    both = DISTLoss(2.0, 3.0)(student, teacher)
    torch.testing.assert_close(both, 2 * inter + 3 * intra)
    assert inter != intra


@pytest.mark.parametrize("kind", LOSSES)
def test_the_loss_is_one_number_that_trains_the_student_alone(kind):
    student, teacher = (z.requires_grad_() for z in logits())
    value = kind(loss_weight=2.0)(student, teacher)
    value.backward()
    assert value.shape == ()
    assert value.item() == pytest.approx(2 * kind()(student, teacher).item())
    assert student.grad.count_nonzero() > 0
    assert teacher.grad is None


@pytest.mark.parametrize("kind", LOSSES)
def test_equal_networks_give_zero(kind):
    student, _ = logits()
    assert kind(**({"eps": 0.0} if kind is DISTLoss else {}))(student, student) < 1e-12


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("samples", [0, 1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_extremes_give_finite_values_and_moderate_gradients(kind, classes, samples, scale):
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (2, samples, classes), generator=generator) * 2.0 - 1
    student, teacher = (signs[0] * scale).requires_grad_(), signs[1] * scale
    for other in (teacher, torch.zeros_like(teacher), torch.arange(classes) + teacher * 0):
        student.grad = None
        value = kind()(student, other)
        value.backward()
        assert value.isfinite()
        assert student.grad.isfinite().all()
        assert (student.grad.abs() < 100).all()


@pytest.mark.parametrize("kind", LOSSES[1:])
def test_a_weight_is_refused_in_words(kind):
    student, teacher = logits()
    with pytest.raises(ValueError, match="no loss of a single sample"):
        kind()(student, teacher, weight=torch.ones(5))


@pytest.mark.parametrize("kind", LOSSES)
def test_a_temperature_of_each_sample_is_refused_in_words(kind):
    with pytest.raises(ValueError, match="one temperature for all"):
        MODELS.build(
            dict(type=f"mmkd.{kind.__name__}", temperature=dict(type="mmkd.FLSWTemperature"))
        )


@pytest.mark.parametrize("kind", LOSSES)
def test_a_learned_temperature_is_one_for_all(kind):
    student, teacher = logits()
    temperature = dict(type="mmkd.CurriculumTemperature", init=0.0, start=2.0, range=4.0)
    loss = MODELS.build(dict(type=f"mmkd.{kind.__name__}", temperature=temperature))
    torch.testing.assert_close(loss(student, teacher), kind(temperature=4.0)(student, teacher))


@pytest.mark.parametrize("kind", LOSSES)
def test_arithmetic_is_float32_under_autocast(kind):
    student, teacher = (z.float() for z in logits(8, 50))
    expected = kind()(student, teacher)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = kind()(student, teacher)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
