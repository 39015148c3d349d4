"""Forward or reverse KL divergence, chosen by the teacher's entropy."""

import math
from typing import Any

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class EntropyGatedLoss(LogitLoss):
    r"""Forward KL divergence if the teacher's entropy is high, reverse KL divergence otherwise.

    Entropy-Aware On-Policy Distillation of Language Models (Jin et al., ICML 2026) adds a forward
    divergence on samples on which the teacher is uncertain, so that the student covers the
    teacher's alternatives, to a reverse divergence on all samples; that is ``everywhere=True``. The
    form of the gate is our interpretation, :math:`H(\sigma(z_t)) > threshold \cdot \ln C` at
    temperature 1. Both are :math:`T^2` times the divergence of the tempered outputs.

    Args:
        threshold: Threshold of the gate as a share of the greatest entropy, from 0 to 1. Without
            ``everywhere``, 0 gives :class:`KDLoss` and 1 gives :class:`ReverseKLLoss`.
        everywhere: Whether the reverse divergence also counts where the forward one does.
        temperature: As in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
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
