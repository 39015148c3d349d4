"""Sample weights from the power sum of the teacher's probabilities (WTTM)."""

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS


@MODELS.register_module()
class PowerSumWeight(nn.Module):
    r"""Weigh each sample by :math:`\sum_k p_k^\gamma` of the teacher's untempered probabilities.

    Knowledge Distillation Based on Transformed Teacher Matching (Zheng and Yang, ICLR 2024).
    Together with :class:`mmkd.losses.TTMLoss` of the same ``gamma`` this is WTTM. Samples on which
    the teacher is uncertain weigh more; the weight runs from 1 to :math:`C^{1-\gamma}`.

    Args:
        gamma: Exponent, above 0 and at most 1.
    """

    def __init__(self, gamma: float = 0.1) -> None:
        super().__init__()
        if not 0 < gamma <= 1:
            raise ValueError(f"The exponent gamma must be above 0 and at most 1, not {gamma}.")
        self.gamma = gamma

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, shape (N,), detached, from raw logits (N, C).

        The student's logits are not read; every sample weight has this signature.
        """
        logarithms = full_precision(teacher_logits).log_softmax(-1)
        return (self.gamma * logarithms).exp().sum(-1)
