"""Distillation without a temperature on the student's side (TTM)."""

from typing import Any

from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class TTMLoss(LogitLoss):
    r"""KL divergence of the untempered student from a power of the teacher's probabilities.

    Knowledge Distillation Based on Transformed Teacher Matching (Zheng and Yang, ICLR 2024):
    :math:`KL(p^\gamma/\sum p^\gamma\,\|\,\sigma(z_s))`; the target is the teacher's softmax at
    temperature :math:`1/\gamma`, and there is no factor of the squared temperature. WTTM, its
    weighted variant, is this loss with ``sample_weight=dict(type='mmkd.PowerSumWeight',
    gamma=gamma)``.

    Args:
        gamma: Exponent of the teacher's probabilities, above 0.
        **arguments: Arguments of :class:`LogitLoss`, without ``temperature``.
    """

    def __init__(self, gamma: float = 0.1, **arguments: Any) -> None:
        if gamma <= 0:
            raise ValueError(f"The exponent gamma must be positive, not {gamma}.")
        super().__init__(1 / gamma, **arguments)

    def divergence(self, pair: Tempered) -> Tensor:
        own, _ = pair.untempered()
        return kd_divergence(Tempered(own, pair.teacher))
