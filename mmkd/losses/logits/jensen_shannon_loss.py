"""Distillation by the Jensen-Shannon divergence."""

import math

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class JensenShannonLoss(LogitLoss):
    r"""Jensen-Shannon divergence, times the squared temperature.

    :math:`\frac{T^2}{2} (KL(p\,\|\,m) + KL(q\,\|\,m))` with m = (p + q) / 2, where p and q are the
    tempered outputs of the teacher and of the student. It is symmetric, and at most :math:`T^2 \ln
    2`. From Divergence Measures Based on the Shannon Entropy (Lin, IEEE Transactions on Information
    Theory 1991).
    """

    def divergence(self, pair: Tempered) -> Tensor:
        mean = torch.logaddexp(pair.student, pair.teacher) - math.log(2)
        sides = [kd_divergence(Tempered(mean, side, pair.temperature)) for side in pair[:2]]
        return (sides[0] + sides[1]) / 2
