"""Distillation by the Jensen-Shannon divergence."""

import math

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class JensenShannonLoss(LogitLoss):
    r"""Jensen-Shannon divergence, times the squared temperature.

    :math:`\frac{T^2}{2} (KL(p\,\|\,m) + KL(q\,\|\,m))` with m = (p + q) / 2. Divergence Measures
    Based on the Shannon Entropy (Lin, IEEE Transactions on Information Theory 1991), of the
    tempered outputs p of the teacher and q of the student: symmetric, and at most :math:`T^2 \ln
    2`.
    """

    def divergence(self, pair: Tempered) -> Tensor:
        mean = torch.logaddexp(pair.student, pair.teacher) - math.log(2)
        sides = [kd_divergence(Tempered(mean, side, pair.temperature)) for side in pair[:2]]
        return (sides[0] + sides[1]) / 2
