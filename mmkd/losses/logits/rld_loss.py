"""Distillation of refined logits (RLD)."""

from typing import Any

import torch
from torch import Tensor

from mmkd.logits.decouple import target_split
from mmkd.losses.base.logit_loss import LogitLoss, Temperature, Tempered, kd_divergence
from mmkd.registry import MODELS


def masked_correlation(
    log_student: Tensor, log_teacher: Tensor, labels: Tensor, temperature: Temperature
) -> Tensor:
    r"""Return :math:`T^2\,KL` among the classes that the teacher ranks below the true one, (N,).

    Each side is normalised over these classes. If there are none, the result is 0.

    Args:
        log_student: Tempered log-probabilities, shape (N, C).
        log_teacher: Tempered log-probabilities, shape (N, C).
        labels: Class indices, shape (N,).
        temperature: T, a number or a tensor (N, 1).
    """
    left_out = log_teacher >= log_teacher.gather(1, labels[:, None])
    lowest = torch.finfo(log_teacher.dtype).min / 4
    own, theirs = (
        side.masked_fill(left_out, lowest).log_softmax(-1) for side in (log_student, log_teacher)
    )
    return kd_divergence(Tempered(own, theirs, temperature))


@MODELS.register_module()
class RLDLoss(LogitLoss):
    r"""Sample confidence and masked correlation distillation, :math:`\alpha\,SCD + \beta\,MCD`.

    Knowledge Distillation with Refined Logits (Sun et al., ICCV 2025), as in the released code:

    .. math:: SCD = T_a^2\,KL([p_{max}, 1-p_{max}]\,\|\,[q_y, 1-q_y]), \qquad
        MCD = T^2\,KL(\tilde p\,\|\,\tilde q)

    For the true class the student learns the confidence that the teacher has in the class that it
    predicts. :math:`\tilde p, \tilde q` are the distributions over the classes that the teacher
    ranks below the true one. So a wrong teacher's mistakes are left out, while knowledge adjustment
    swaps or replaces them. The warm-up is a term's ``schedule=dict(warmup=20)``.

    Args:
        alpha: Weight of the sample confidence.
        beta: Weight of the masked correlation.
        temperature: T, as in :class:`LogitLoss`.
        confidence_temperature: :math:`T_a`; ``None`` takes T.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    needs_labels = True

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 8.0,
        temperature: Any = 4.0,
        confidence_temperature: float | None = 1.0,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        if confidence_temperature is not None and confidence_temperature <= 0:
            raise ValueError(
                f"The confidence_temperature must be positive, not {confidence_temperature}."
            )
        self.alpha, self.beta = alpha, beta
        self.confidence_temperature = confidence_temperature

    def divergence(self, pair: Tempered) -> Tensor:
        assert pair.labels is not None
        related = masked_correlation(pair.student, pair.teacher, pair.labels, pair.temperature)
        return self.alpha * self.confidence(pair, pair.labels) + self.beta * related

    def confidence(self, pair: Tempered, labels: Tensor) -> Tensor:
        """Return the sample confidence part of each sample, shape (N,)."""
        own, theirs, temperature = pair.student, pair.teacher, pair.temperature
        if self.confidence_temperature is not None:
            temperature = self.confidence_temperature
            own, theirs = ((side / temperature).log_softmax(-1) for side in pair.untempered())
        sure = target_split(own, labels), target_split(theirs, theirs.argmax(-1))
        return kd_divergence(Tempered(*sure, temperature))
