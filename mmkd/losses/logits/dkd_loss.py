"""Decoupled knowledge distillation: target-class and non-target-class KL (DKD)."""

from typing import Any

from torch import Tensor

from mmkd.logits.decouple import non_target, target_split
from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


def tckd_divergence(pair: Tempered) -> Tensor:
    r"""Return :math:`T^2\,KL([p_y, 1-p_y]\,\|\,[q_y, 1-q_y])` of each sample, (N,), in nats.

    :math:`p, q` are the tempered probabilities of teacher and student, :math:`y` is the label.
    """
    assert pair.labels is not None
    student, teacher = (target_split(side, pair.labels) for side in pair[:2])
    return kd_divergence(Tempered(student, teacher, pair.temperature))


def nckd_divergence(pair: Tempered) -> Tensor:
    r"""Return :math:`T^2\,KL(\hat p\,\|\,\hat q)` of each sample, (N,), in nats.

    :math:`\hat p, \hat q` are the distributions over the classes other than the true one. With two
    classes only one class is left, and the result is 0.
    """
    assert pair.labels is not None
    student, teacher = (non_target(side, pair.labels) for side in pair[:2])
    return kd_divergence(Tempered(student, teacher, pair.temperature))


@MODELS.register_module()
class TCKDLoss(LogitLoss):
    """Target-class part of :class:`DKDLoss` alone."""

    needs_labels = True
    divergence = staticmethod(tckd_divergence)


@MODELS.register_module()
class NCKDLoss(LogitLoss):
    """Non-target-class part of :class:`DKDLoss` alone."""

    needs_labels = True
    divergence = staticmethod(nckd_divergence)


@MODELS.register_module()
class DKDLoss(LogitLoss):
    r"""Decoupled distillation, :math:`\alpha\,TCKD + \beta\,NCKD`.

    Decoupled Knowledge Distillation (Zhao et al., CVPR 2022), each part times the squared
    temperature. KD itself is :math:`TCKD + (1 - p_y)\,NCKD`, so that a confident teacher hardly
    passes on its knowledge of the other classes. DKD's warm-up is a term's
    ``schedule=dict(warmup=20)``. To weigh the parts separately, as DE-MKD may, make two terms of
    :class:`TCKDLoss` and :class:`NCKDLoss`.

    Args:
        alpha: Weight of the target-class part.
        beta: Weight of the non-target-class part.
        temperature: As in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    needs_labels = True

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: Any = 4.0,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        self.alpha, self.beta = alpha, beta

    def divergence(self, pair: Tempered) -> Tensor:
        return self.alpha * tckd_divergence(pair) + self.beta * nckd_divergence(pair)
