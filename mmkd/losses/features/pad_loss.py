"""Prime-aware adaptive distillation: regression with a learned variance (PAD)."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from mmkd.losses.base.feature_maps import check_alike, pooled
from mmkd.losses.base.paired_parts_loss import PairedPartsLoss, Shape
from mmkd.registry import MODELS


class LogVariance(nn.Module):
    """Logarithm of the variance of each number of a feature, predicted from the student's feature.

    Args:
        channels: Number of channels of the feature.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, feature: Tensor) -> Tensor:
        """Return log-variances (N, C) of a feature (N, C)."""
        raw, norm = self.linear(feature), self.norm
        if len(raw) > 1 or not self.training:
            normed: Tensor = norm(raw)
            return normed
        # Batch norm cannot normalise a single sample by its statistics in training.
        return batch_norm(
            raw, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )


@MODELS.register_module()
class PADLoss(PairedPartsLoss):
    r"""Squared difference of pooled features, with a variance predicted from the student's feature.

    Prime-Aware Adaptive Distillation (Zhang et al., ECCV 2020), in the form of torchdistill, which
    follows code from the authors. The loss of a sample is the mean, over the C numbers of its
    feature, of

    .. math:: \frac{(h_t - h_s)^2}{e^{v} + \epsilon} + v, \quad v = BN(W h_s + b)

    where :math:`v` is the log-variance, (N, C). Samples on which the student cannot follow the
    teacher get a large variance and count little; samples on which it can follow, the prime
    samples, count much. The gradient of :math:`v` reaches the student, too. The loss can be
    negative. A sample weight multiplies the whole loss of a sample.

    Maps are averaged over their positions, as pooling does. If the student's feature needs a
    connector, the branch reads the connector's output. This is an interpretation: torchdistill has
    settings for features of equal width only. In torchdistill's settings the student first learns
    the teacher's features by :class:`mmkd.losses.HintLoss`.

    Args:
        eps: :math:`\epsilon`.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = True

    def __init__(
        self, eps: float = 1e-6, loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        if eps <= 0:
            raise ValueError(f"eps must be positive, not {eps}: it keeps the quotient finite.")
        self.eps = eps

    def part(self, student_shape: Shape, teacher_shape: Shape) -> nn.Module:
        if len(teacher_shape) not in (2, 4):
            raise ValueError(
                "PADLoss compares pooled features (N, C) or maps (N, C, H, W), not features of "
                f"shape {teacher_shape}: tap the neck that pools, or the last stage."
            )
        return LogVariance(teacher_shape[1])

    def compare(self, part: nn.Module, student: Tensor, teacher: Tensor) -> Tensor:
        check_alike(self, student, teacher)
        own, theirs = pooled(student), pooled(teacher)
        log_variance: Tensor = part(own)
        # The logarithm of the denominator, computed without its exponential, which could overflow.
        floor = log_variance.new_tensor(math.log(self.eps))
        scaled = (theirs - own).square() * (-torch.logaddexp(log_variance, floor)).exp()
        return (scaled + log_variance).mean(1)
