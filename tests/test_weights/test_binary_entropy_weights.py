"""ER and EA weights of heads that decide on each class by a sigmoid, as we interpret them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmkd.weights import EntropyAdaptiveWeight, EntropyWeight

STUDENT = torch.tensor([[2, 0.5, -1, 0], [0.2, 1.5, 0.3, -0.5]], dtype=torch.float64)
TEACHER = torch.tensor([[3, 1, -2, 0.5], [1.4, 1.2, 0.1, -1]], dtype=torch.float64)


def by_numpy(logits: torch.Tensor, temperature: float) -> np.ndarray:
    p = 1 / (1 + np.exp(-logits.numpy() / temperature))
    return -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean(1)


def test_the_weight_is_the_mean_of_the_classes_entropies():
    weight = EntropyWeight(4.0, activation="sigmoid")(STUDENT, TEACHER)
    assert weight.tolist() == pytest.approx(by_numpy(TEACHER, 4.0).tolist())


def test_the_adaptive_weight_is_bounded_by_ln_2():
    teacher, student = by_numpy(TEACHER, 3.0), by_numpy(STUDENT, 3.0)
    expected = teacher * (1 + student / math.log(2)) / 2
    weight = EntropyAdaptiveWeight(activation="sigmoid", eps=0.0)(STUDENT, TEACHER)
    assert weight.tolist() == pytest.approx(expected.tolist())
    inverse = EntropyAdaptiveWeight(activation="sigmoid", eps=0.0, mode="inverse")
    torch.testing.assert_close(inverse(STUDENT, TEACHER), math.log(2) - weight)


@given(st.lists(st.floats(-1e4, 1e4), min_size=6, max_size=6))
def test_weights_are_finite_and_between_their_bounds(values):
    student, teacher = torch.tensor(values).reshape(2, 1, 3)
    for kind in (EntropyWeight, EntropyAdaptiveWeight):
        plain = kind(activation="sigmoid")(student, teacher)
        assert 0 <= plain <= math.log(2) + 1e-6
        unit = kind(activation="sigmoid", normalize=True)(student, teacher)
        torch.testing.assert_close(unit, plain / math.log(2))


def test_even_logits_weigh_most():
    sure, even = torch.full((1, 3), 9.0), torch.zeros(1, 3)
    weight = EntropyWeight(1.0, activation="sigmoid")
    assert weight(sure, even).item() == pytest.approx(math.log(2))
    assert weight(even, sure) < 0.01


def test_other_activations_are_refused():
    with pytest.raises(ValueError, match="must be one of"):
        EntropyWeight(activation="relu")
