"""Calibration, likelihood, entropy and divergence of predicted distributions."""

import math
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mmkd.evaluation.functional import (
    as_probabilities,
    expected_calibration_error,
    kl_divergence,
    negative_log_likelihood,
    predictive_entropy,
)

SATURATED = -math.log(torch.finfo(torch.float32).tiny)


@st.composite
def distributions(
    draw: st.DrawFn, samples: int | None = None, classes: int | None = None
) -> Tensor:
    """Softmax of random logits, from uniform to saturated."""
    samples = samples or draw(st.integers(1, 20))
    classes = classes or draw(st.integers(2, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.0, 0.5, 3.0, 50.0, 1e4]))
    return (torch.randn(samples, classes, generator=generator) * scale).softmax(dim=1)


def ece(confidence: list[float], correct: list[int], num_bins: int = 15) -> float:
    return expected_calibration_error(
        torch.tensor(confidence, dtype=torch.float64), torch.tensor(correct), num_bins
    ).item()


def test_ece_by_hand() -> None:
    # Two bins: (0, 0.5] holds 0.3, 0.5; (0.5, 1] holds 0.7, 0.9, 1.0.
    # |1/2 - 0.4| * 2/5 + |1/3 - 2.6/3| * 3/5 = 0.04 + 0.32
    assert ece([0.3, 0.5, 0.7, 0.9, 1.0], [1, 0, 1, 0, 0], num_bins=2) == pytest.approx(0.36)


def test_ece_bins_are_closed_on_the_right() -> None:
    # 0.5 belongs to (0, 0.5]; with 0.5 in the upper bin the gaps -0.5 and +0.5 would cancel.
    assert ece([0.5, 0.50001], [0, 1], num_bins=2) == pytest.approx(0.5, abs=1e-4)
    assert ece([0.49999, 0.5], [0, 1], num_bins=2) == pytest.approx(0.0, abs=1e-4)


def test_ece_extremes() -> None:
    assert ece([1.0], [1]) == 0
    assert ece([1.0], [0]) == 1
    assert ece([0.0], [0]) == 0, "confidence 0 falls into the first bin"
    assert ece([1.0, 1.0], [1, 0]) == 0.5


@given(st.integers(1, 15), st.integers(1, 4))
def test_ece_is_zero_for_perfect_calibration(num_bins: int, copies: int) -> None:
    confidence, correct = [], []
    for right in range(1, 9):  # groups of 8, of which `right` are right and confidence says so
        confidence += [right / 8] * 8 * copies
        correct += ([1] * right + [0] * (8 - right)) * copies
    assert ece(confidence, correct, num_bins) == pytest.approx(0, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1), st.randoms())
def test_ece_is_a_fraction_and_ignores_the_order(
    samples: list[tuple[float, int]], random: Random
) -> None:
    value = ece(*map(list, zip(*samples, strict=True)))  # type: ignore[arg-type]
    assert 0 <= value <= 1
    gap = sum(correct - confidence for confidence, correct in samples) / len(samples)
    assert value >= abs(gap) - 1e-12, "the mean over bins of |gap| is at least the overall |gap|"
    random.shuffle(samples)
    shuffled = ece(*map(list, zip(*samples, strict=True)))  # type: ignore[arg-type]
    assert shuffled == pytest.approx(value, abs=1e-12)


def test_likelihood_and_entropy_by_hand() -> None:
    p = torch.tensor([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 0])
    assert negative_log_likelihood(p, labels).tolist() == pytest.approx(
        [math.log(4), math.log(2), 0]
    )
    entropy = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    assert predictive_entropy(p).tolist() == pytest.approx([entropy, math.log(2), 0])


def test_a_true_class_of_probability_zero_is_finite() -> None:
    nll = negative_log_likelihood(torch.tensor([[1.0, 0.0]]).double(), torch.tensor([1]))
    assert nll.item() == pytest.approx(SATURATED)


@given(distributions())
def test_entropy_is_between_zero_and_ln_c(p: Tensor) -> None:
    entropy = predictive_entropy(as_probabilities(p))
    assert (entropy >= 0).all()
    assert (entropy <= math.log(p.shape[1]) + 1e-12).all()


def test_kl_by_hand() -> None:
    teacher = torch.tensor([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    student = torch.tensor([[0.25, 0.75], [0.5, 0.5], [0.0, 1.0]], dtype=torch.float64)
    expected = [0.5 * math.log(2) + 0.5 * math.log(2 / 3), math.log(2), SATURATED]
    assert kl_divergence(teacher, student).tolist() == pytest.approx(expected)


@given(st.data())
def test_kl_is_finite_non_negative_and_zero_for_equals(data: st.DataObject) -> None:
    teacher = as_probabilities(data.draw(distributions()))
    student = as_probabilities(data.draw(distributions(*teacher.shape)))
    kl = kl_divergence(teacher, student)
    assert kl.isfinite().all()
    assert (kl >= -1e-12).all()
    assert (kl_divergence(teacher, teacher) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rounded_probabilities_are_normalised(dtype: torch.dtype) -> None:
    logits = torch.randn(50, 1000, generator=torch.Generator().manual_seed(0)) * 3
    p = as_probabilities(logits.softmax(dim=1).to(dtype))
    assert p.dtype == torch.float64
    assert p.sum(dim=1).tolist() == pytest.approx([1] * 50, abs=1e-12)


@pytest.mark.parametrize(
    "scores", [torch.tensor([[2.0, -1.0]]), torch.tensor([[0.9, 0.9]]), torch.zeros(1, 3)]
)
def test_what_is_no_distribution_is_refused(scores: Tensor) -> None:
    with pytest.raises(ValueError, match="must be a distribution"):
        as_probabilities(scores)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        as_probabilities(torch.ones(3))
