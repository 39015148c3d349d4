"""Variational information distillation (VID)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from mmkd.losses.base.feature_maps import same_size
from mmkd.losses.base.paired_parts_loss import PairedPartsLoss, Shape
from mmkd.registry import MODELS

INITIAL_VARIANCE = 5.0


class ChannelGaussian(nn.Module):
    """Prediction of the teacher's map from the student's: means, and a variance for each channel.

    Args:
        channels: Number of channels of the student's map.
        teacher_channels: Number of channels of the teacher's map.
        eps: Smallest variance.
    """

    def __init__(self, channels: int, teacher_channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.mean = nn.Sequential(
            nn.Conv2d(channels, teacher_channels, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(teacher_channels, teacher_channels, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(teacher_channels, teacher_channels, 1, bias=False),
        )
        # The initial variance is softplus of this number, plus eps.
        initial = math.log(math.expm1(INITIAL_VARIANCE - eps))
        self.log_scale = nn.Parameter(torch.full((teacher_channels,), initial))

    def forward(self, student: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means (N, C', H, W) and the variances (C', 1, 1)."""
        return self.mean(student), softplus(self.log_scale)[:, None, None] + self.eps


@MODELS.register_module()
class VIDLoss(PairedPartsLoss):
    r"""Negative log-likelihood of the teacher's map under a Gaussian predicted from the student's.

    Variational Information Distillation for Knowledge Transfer (Ahn et al., CVPR 2019), without the
    constant: :math:`\frac12\left[\frac{(\mu(F_s) - F_t)^2}{v_c} + \log v_c\right]`, averaged over
    channels and positions. :math:`\mu` is three 1x1 convolutions with ReLUs between them,
    :math:`v_c = softplus(\rho_c) + \epsilon` starts at 5 for each channel. Means and log-scales
    :math:`\rho_c` are trained; in mdistiller the optimizer never gets the log-scales. The larger
    map is averaged to the size of the smaller; vectors (N, C) count as maps of one position. The
    loss can be negative.

    Args:
        eps: :math:`\epsilon`, the smallest variance.
        loss_weight: Factor on the result; the literature's CIFAR-100 recipe takes 1.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self, eps: float = 1e-5, loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        if not 0 < eps < INITIAL_VARIANCE:
            raise ValueError(f"The least variance eps is in (0, {INITIAL_VARIANCE}), not {eps}.")
        self.eps = eps

    def part(self, student_shape: Shape, teacher_shape: Shape) -> nn.Module:
        return ChannelGaussian(student_shape[1], teacher_shape[1], self.eps)

    def compare(self, part: nn.Module, student: Tensor, teacher: Tensor) -> Tensor:
        student, teacher = (x[:, :, None, None] if x.dim() == 2 else x for x in (student, teacher))
        student, teacher = same_size(student, teacher)
        mean, variance = part(student)
        each: Tensor = (mean - teacher).square() / variance + variance.log()
        return each.flatten(1).mean(1) / 2
