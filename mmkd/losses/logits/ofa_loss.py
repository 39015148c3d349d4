"""Cross-entropy with an enhanced target (OFA-KD)."""

from typing import Any

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered
from mmkd.registry import MODELS


def enhanced_cross_entropy(
    log_student: Tensor, log_teacher: Tensor, labels: Tensor, gamma: float
) -> Tensor:
    r"""Return :math:`-\sum_k [(p_k + [k=y])^\gamma - [k=y]] \ln q_k` of each sample, (N,).

    Args:
        log_student: :math:`\ln q`, shape (N, C).
        log_teacher: :math:`\ln p`, shape (N, C).
        labels: Class indices, shape (N,).
        gamma: Exponent, above 0.
    """
    true = torch.zeros_like(log_teacher).scatter_(1, labels[:, None], 1.0)
    return -(((log_teacher.exp() + true) ** gamma - true) * log_student).sum(-1)


@MODELS.register_module()
class OFALoss(LogitLoss):
    r"""Cross-entropy with the teacher's output, whose true class gets a larger target.

    One-for-All: Bridge the Gap Between Heterogeneous Architectures in Knowledge Distillation (Hao
    et al., NeurIPS 2023): :math:`-\sum_k [(p_k + [k=y])^\gamma - [k=y]] \ln q_k`, as in the
    released code. With :math:`\gamma = 1` it is the cross-entropy with the teacher; a larger
    :math:`\gamma` raises the true class and lowers the probabilities that a teacher of another
    architecture gives to the other classes. The loss has no factor of the squared temperature.
    :class:`OFAStageLoss` is the same loss for the student's stages.

    Args:
        gamma: :math:`\gamma`, above 0; 1 on CIFAR-100 and 1.5 on ImageNet in the released commands.
        temperature: As in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    needs_labels = True

    def __init__(self, gamma: float = 1.0, temperature: Any = 1.0, **arguments: Any) -> None:
        super().__init__(temperature, **arguments)
        if gamma <= 0:
            raise ValueError(f"The exponent gamma must be positive, not {gamma}.")
        self.gamma = gamma

    def divergence(self, pair: Tempered) -> Tensor:
        assert pair.labels is not None
        return enhanced_cross_entropy(pair.student, pair.teacher, pair.labels, self.gamma)
