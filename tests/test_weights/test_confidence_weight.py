"""Weights of samples by a network's confidence."""

import pytest
import torch

import mmkd  # noqa: F401
from mmkd.weights import ConfidenceWeight

# Probabilities .6/.3/.1, .2/.2/.6, .4/.3/.3
LOGITS = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.4, 0.3, 0.3]]).log()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (dict(threshold=0.5), [1, 1, 0]),
        (dict(threshold=0.5, background=False), [1, 0, 0]),
        (dict(threshold=0.39), [1, 1, 1]),
        (dict(threshold=1.0), [0, 0, 0]),
    ],
)
def test_it_keeps_what_passes_the_threshold(arguments, expected):
    weight = ConfidenceWeight("teacher", "softmax", **arguments)
    for dtype in (torch.float32, torch.bfloat16):
        found = weight(torch.randn(3, 3), LOGITS.to(dtype))
        assert found.tolist() == expected
        assert found.dtype == torch.float32


def test_renormalised_weights_have_a_mean_of_1():
    weight = ConfidenceWeight("teacher", "softmax", renormalize=True)
    found = weight(torch.randn(3, 3), LOGITS)
    torch.testing.assert_close(found, torch.tensor([0.6, 0.6, 0.4]) * 3 / 1.6)
    none = ConfidenceWeight("teacher", "softmax", threshold=1.0, renormalize=True)
    assert none(torch.randn(3, 3), LOGITS).tolist() == [0, 0, 0]


def test_a_sigmoid_has_no_class_of_background():
    logits = torch.tensor([[-1.0, 2.0]])
    found = ConfidenceWeight("teacher", background=False)(torch.randn(1, 2), logits)
    torch.testing.assert_close(found, torch.tensor([2.0]).sigmoid())


@pytest.mark.parametrize("threshold", [0, 1.5])
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(ValueError, match="is a probability"):
        ConfidenceWeight(threshold=threshold)
