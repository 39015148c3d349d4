"""Distillation by the KL divergence from a mixture of teacher and student."""

import math
from typing import Any

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class SkewKLLoss(LogitLoss):
    r"""Skewed KL divergence, :math:`T^2\,KL(p\,\|\,\lambda p + (1-\lambda) q)`.

    DistiLLM: Towards Streamlined Distillation for Large Language Models (Ko et al., ICML 2024),
    with the tempered outputs p of the teacher and q of the student. The mixture bounds the
    divergence by :math:`-\ln\lambda`, and also bounds its gradient if q is far from p.

    Args:
        skew: :math:`\lambda`, the teacher's share of the mixture, above 0 and below 1.
        reverse: Exchange p and q: use the student's divergence from a mixture in which the student
            has the share :math:`\lambda`.
        temperature: As in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    def __init__(
        self,
        skew: float = 0.1,
        reverse: bool = False,
        temperature: Any = 4.0,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        if not 0 < skew < 1:
            raise ValueError(f"The skew is a share, above 0 and below 1, not {skew}.")
        self.skew, self.reverse = skew, reverse

    def divergence(self, pair: Tempered) -> Tensor:
        first, other = pair.teacher, pair.student
        if self.reverse:
            first, other = other, first
        mixture = torch.logaddexp(first + math.log(self.skew), other + math.log1p(-self.skew))
        return kd_divergence(Tempered(mixture, first, pair.temperature))
