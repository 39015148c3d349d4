"""Distances between Gaussians of features, against numpy."""

import numpy as np
import pytest
import torch

from mmkd.losses import WKDFeatureLoss

GENERATOR = torch.Generator().manual_seed(0)
STUDENT, TEACHER = (
    torch.randn(3, 5, 6, 6, generator=GENERATOR, dtype=torch.float64) for _ in range(2)
)


def reference(student: np.ndarray, teacher: np.ndarray, r: float) -> np.ndarray:
    means = [x.mean((2, 3)) for x in (student, teacher)]
    spreads = [np.sqrt(x.var((2, 3), ddof=1) + 1e-5) for x in (student, teacher)]
    return r * ((means[0] - means[1]) ** 2).sum(1) + ((spreads[0] - spreads[1]) ** 2).sum(1)


@pytest.mark.parametrize("grid", [1, 2, 4])
def test_each_samples_loss_is_the_mean_over_the_cells(grid):
    """The cells are those of adaptive pooling: with 6 rows and a grid of 4 they overlap."""
    bounds = {1: [(0, 6)], 2: [(0, 3), (3, 6)], 4: [(0, 2), (1, 3), (3, 5), (4, 6)]}[grid]
    expected = np.mean(
        [
            reference(*(x.numpy()[:, :, a:b, c:d] for x in (STUDENT, TEACHER)), 3.0)
            for a, b in bounds
            for c, d in bounds
        ],
        axis=0,
    )
    loss = WKDFeatureLoss(mean_weight=3.0, grid=grid)
    found = loss(STUDENT, TEACHER, reduction_override="none")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


def test_cells_of_one_position_have_no_spread():
    loss = WKDFeatureLoss(mean_weight=1.0, grid=6)
    expected = (STUDENT - TEACHER).square().sum(1).mean((1, 2))
    found = loss(STUDENT, TEACHER, reduction_override="none")
    torch.testing.assert_close(found, expected)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="grid from 1"):
        WKDFeatureLoss(grid=0)
