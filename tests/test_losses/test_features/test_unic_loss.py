"""UNICLoss against NumPy in float64."""

import numpy as np
import pytest
import torch
from feature_cases import random

from mmkd.losses import UNICLoss


def reference(student: np.ndarray, teacher: np.ndarray, cosine: float, smooth: float) -> np.ndarray:
    """The loss of each row of (N, D)."""
    lengths = np.linalg.norm(student, axis=1) * np.linalg.norm(teacher, axis=1)
    angle = 1 - (student * teacher).sum(1) / lengths
    apart = np.abs(student - teacher)
    return cosine * angle + smooth * np.where(apart < 1, apart**2 / 2, apart - 0.5).mean(1)


def test_it_is_the_reference_of_vectors() -> None:
    own, theirs = random(0, (4, 6)), random(1, (4, 6), 2.0)
    loss = UNICLoss(cosine_weight=0.9, smooth_weight=0.1, reduction="none")
    expected = reference(own.numpy(), theirs.numpy(), 0.9, 0.1)
    np.testing.assert_allclose(loss(own, theirs), expected)


@pytest.mark.parametrize("shape", [(4, 6, 3, 2), (4, 5, 6)], ids=["map", "tokens"])
def test_positions_are_averaged(shape: tuple[int, ...]) -> None:
    own, theirs = random(0, shape), random(1, shape, 2.0)
    rows = [x.flatten(2).transpose(1, 2) if x.dim() == 4 else x for x in (own, theirs)]
    flat = [x.reshape(-1, 6).numpy() for x in rows]
    expected = reference(*flat, 0.5, 0.5).reshape(4, -1).mean(1)
    np.testing.assert_allclose(UNICLoss(reduction="none")(own, theirs), expected)


def test_several_features_are_averaged() -> None:
    pairs = [
        (random(k, shape), random(k + 2, shape)) for k, shape in enumerate([(4, 6), (4, 5, 6)])
    ]
    loss = UNICLoss(reduction="none")
    expected = sum(loss(*pair) for pair in pairs) / 2
    torch.testing.assert_close(loss(*map(list, zip(*pairs, strict=True))), expected)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="put a connector between them"):
        UNICLoss()(torch.randn(2, 6), torch.randn(2, 5))
