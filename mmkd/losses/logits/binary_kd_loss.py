"""Distillation of the logits of one-against-rest classifiers, such as dense detection heads."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mmkd.losses.base.logit_loss import LogitLoss, Temperature, Tempered
from mmkd.registry import MODELS


def binary_kd_divergence(
    log_student: Tensor, log_teacher: Tensor, temperature: Temperature
) -> Tensor:
    r"""Return :math:`T^2\sum_c KL(Ber(\sigma(z_{t,c}/T))\,\|\,Ber(\sigma(z_{s,c}/T)))`, (N,).

    Args:
        log_student: :math:`\ln\sigma(z_s/T)` and :math:`\ln(1-\sigma(z_s/T))`, shape (N, C, 2).
        log_teacher: The same of the teacher.
        temperature: T, a number or shape (N, 1).
    """
    by_class = (log_teacher.exp() * (log_teacher - log_student)).sum(-1)
    return (temperature**2 * by_class).sum(-1)


@MODELS.register_module()
class BinaryKDLoss(LogitLoss):
    """KL divergence between tempered sigmoid outputs, summed over classes, times T squared.

    The form that the loss of Distilling the Knowledge in a Neural Network (Hinton, Vinyals, Dean;
    NIPS workshop 2014) takes for heads that decide on each class by a sigmoid: that of each of the
    C Bernoulli distributions. Bridging Cross-task Protocol Inconsistency for Distillation in Dense
    Object Detection (Yang et al., ICCV 2023) argues for such a binary loss; theirs further weighs
    each class by how far teacher and student are apart, which this one does not.

    Args:
        **arguments: Of :class:`LogitLoss`. Logit transforms and temperatures act on the logits as
            in any loss. A ``target`` and transforms that are fitted to it adjust a softmax: they
            are refused.
    """

    activation = "sigmoid"

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        if self.target is not None or len(self.fitted_transforms):
            raise ValueError(
                "BinaryKDLoss compares sigmoid outputs: a `target`, and a student transform that "
                "is fitted to one, adjust a softmax. Remove them."
            )

    def log_probabilities(self, logits: Tensor) -> Tensor:
        return torch.stack([logsigmoid(logits), logsigmoid(-logits)], dim=-1)

    def divergence(self, pair: Tempered) -> Tensor:
        return binary_kd_divergence(pair.student, pair.teacher, pair.temperature)
