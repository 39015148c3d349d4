"""Distillation by the Wasserstein distance between Gaussians of features (WKD-F)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import maps_alike
from mmkd.registry import MODELS


def _cells(maps: Tensor, grid: int) -> Iterator[Tensor]:
    """Yield the cells of a grid over maps (N, C, H, W), with the bounds of adaptive pooling."""
    bounds = [
        [(i * size // grid, -(-(i + 1) * size // grid)) for i in range(grid)]
        for size in maps.shape[2:]
    ]
    for top, bottom in bounds[0]:
        for left, right in bounds[1]:
            yield maps[:, :, top:bottom, left:right]


@MODELS.register_module()
class WKDFeatureLoss(FeatureLoss):
    r"""Squared Wasserstein distance between diagonal Gaussians of features over the positions.

    Wasserstein Distance Rivals Kullback-Leibler Divergence for Knowledge Distillation (Lv, Yang,
    Li; NeurIPS 2024), WKD-F as in the released code, with the mean and the standard deviation of
    each channel over positions of a map:

    .. math:: r \|\mu_s - \mu_t\|^2 + \|\sigma_s - \sigma_t\|^2,

    summed over channels, and averaged over the cells of a grid. The means :math:`\mu` and standard
    deviations :math:`\sigma` are those of a cell. The student's map passes a connector first (1x1
    convolution, batch norm, ReLU).

    Args:
        mean_weight: :math:`r`; the released configs have 4 for CIFAR-100 and 2 for ImageNet.
        grid: Number of cells along each side.
        eps: Number added to the variances.
        loss_weight: Factor on the result; 0.08 for CIFAR-100 and 0.02 for ImageNet.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self,
        mean_weight: float = 4.0,
        grid: int = 1,
        eps: float = 1e-5,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if grid < 1 or eps <= 0:
            raise ValueError(f"WKDFeatureLoss needs a grid from 1 and eps > 0: {grid}, {eps}.")
        self.mean_weight, self.grid, self.eps = mean_weight, grid, eps

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        student, teacher = maps_alike(self, student, teacher)
        cells = zip(_cells(student, self.grid), _cells(teacher, self.grid), strict=True)
        return torch.stack([self._apart(*pair) for pair in cells]).mean(0)

    def _apart(self, student: Tensor, teacher: Tensor) -> Tensor:
        (mean, deviation), (mean_t, deviation_t) = map(self._gaussian, (student, teacher))
        apart = self.mean_weight * (mean - mean_t).square() + (deviation - deviation_t).square()
        return apart.sum(1)

    def _gaussian(self, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means and standard deviations, (N, C) each, over a cell's positions."""
        positions = cell.flatten(2)
        # The unbiased variance of a single position is NaN, so its spread counts as 0.
        correction = min(1, positions.shape[2] - 1)
        return positions.mean(2), (positions.var(2, correction=correction) + self.eps).sqrt()
