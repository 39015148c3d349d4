"""Forward or reverse KL divergence, by the teacher's entropy."""

import math
from typing import Any

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class EntropyGatedLoss(LogitLoss):
    r"""Forward KL divergence where the teacher's entropy is high, reverse KL divergence elsewhere.

    Entropy-Aware On-Policy Distillation of Language Models (Jin et al., ICML 2026) adds the forward
    divergence where the teacher is uncertain, so that the student covers its alternatives, to a
    reverse divergence everywhere: ``everywhere=True``. The form of the gate is our interpretation,
    :math:`H(\sigma(z_t)) > threshold \cdot \ln C` at temperature 1. Both divergences are
    :math:`T^2` times that of the tempered outputs.

    Args:
        threshold: Of the gate, a share of the greatest entropy, from 0 to 1. 0 is
            :class:`KDLoss`, and 1 is :class:`ReverseKLLoss`.
        everywhere: Whether the reverse divergence counts behind the gate as well.
        temperature: As in :class:`LogitLoss`.
        **arguments: Of :class:`LogitLoss`.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        everywhere: bool = False,
        temperature: Any = 4.0,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"The threshold is a share of the greatest entropy, from 0 to 1, not {threshold}."
            )
        self.threshold, self.everywhere = threshold, everywhere

    def divergence(self, pair: Tempered) -> Tensor:
        _, theirs = pair.untempered()
        entropy = -(theirs.exp() * theirs).sum(-1)
        high = entropy > self.threshold * math.log(theirs.shape[-1])
        forward = kd_divergence(pair)
        reverse = kd_divergence(Tempered(pair.teacher, pair.student, pair.temperature))
        if self.everywhere:
            return reverse + high * forward
        return torch.where(high, forward, reverse)
