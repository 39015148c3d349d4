"""Distillation of the logits of one-against-rest classifiers, such as dense detection heads."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mmkd.losses.base.logit_loss import LogitLoss, Tempered
from mmkd.registry import MODELS


def log_sigmoids(logits: Tensor) -> Tensor:
    r"""Return :math:`\ln\sigma(z)` and :math:`\ln(1-\sigma(z))`, (N, C, 2), of logits (N, C)."""
    return torch.stack([logsigmoid(logits), logsigmoid(-logits)], dim=-1)


def binary_kd_divergence(pair: Tempered) -> Tensor:
    r"""Return :math:`T^2\sum_c KL(Ber(\sigma(z_{t,c}/T))\,\|\,Ber(\sigma(z_{s,c}/T)))`, (N,).

    Args:
        pair: The result of :func:`log_sigmoids` for both sides.
    """
    by_class = (pair.teacher.exp() * (pair.teacher - pair.student)).sum(-1)
    return (pair.temperature**2 * by_class).sum(-1)


@MODELS.register_module()
class BinaryKDLoss(LogitLoss):
    """KL divergence between tempered sigmoid outputs, summed over classes, times T squared.

    The loss of Distilling the Knowledge in a Neural Network (Hinton, Vinyals, Dean; NIPS workshop
    2014), in the form for heads that decide on each class by a sigmoid: a divergence for each of
    the C Bernoulli distributions. Bridging Cross-task Protocol Inconsistency for Distillation in
    Dense Object Detection (Yang et al., ICCV 2023) argues for such a binary loss. That paper also
    weighs each class by the difference between teacher and student; this loss does not.

    Args:
        class_mean: Take the mean over classes in place of the sum, as for the pixels of a mask.
        **arguments: Arguments of :class:`LogitLoss`. Logit transforms and temperatures act on the
            logits as in any loss. A ``target``, and transforms that are fitted to it, adjust a
            softmax and are therefore refused.
    """

    activation = "sigmoid"
    log_probabilities = staticmethod(log_sigmoids)

    def __init__(self, class_mean: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.class_mean = class_mean
        if self.target is not None or len(self.fitted_transforms):
            raise ValueError(
                "BinaryKDLoss compares sigmoid outputs: a `target`, and a student transform that "
                "is fitted to one, adjust a softmax. Remove them."
            )

    def divergence(self, pair: Tempered) -> Tensor:
        total = binary_kd_divergence(pair)
        return total / pair.student.shape[-2] if self.class_mean else total
