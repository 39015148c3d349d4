"""Distillation from a designed teacher, not a network: the regularisation of Tf-KD."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision, reduce_loss
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher

SOFTENINGS = ("power", "softmax")


@MODELS.register_module()
class TfKDRegLoss(nn.Module):
    r"""Cross-entropy with the label, plus KL divergence from a teacher designed by hand.

    Revisiting Knowledge Distillation via Label Smoothing Regularization (Yuan et al., CVPR 2020),
    eq. 8 and 9. It is the loss of a classifier's head, in place of mmpretrain's cross-entropy; it
    needs no teacher network and no distiller. The designed teacher of K classes gives the
    probability a to the correct class and :math:`(1-a)/(K-1)` to each other class; with its
    distribution :math:`p^d_\tau` softened by the temperature,

    .. math:: (1 - \alpha)\,CE(z, y) + \alpha\,KL(p^d_\tau\,\|\,\sigma(z/\tau)).

    There is no factor of the squared temperature. The authors' released code for CIFAR-100 differs
    in three ways, each with an option here; set ``softening='softmax'``, ``temper_student=False``
    and ``divide_by_classes=True`` for that code.

    Args:
        alpha: :math:`\alpha`, from 0 to 1.
        correct_probability: a, above 1 / K and below 1; 0.99 in the paper's experiments.
        temperature: :math:`\tau`; the paper says 20 or more.
        softening: How the designed distribution is softened. ``'power'``: by
            :math:`p^{1/\tau}`, normalised, as a temperature softens a network's probabilities; the
            paper does not write it out, but its Fig. 3 shows about such values.
            ``'softmax'``: by :math:`\sigma(p/\tau)`, as if the probabilities were logits.
        temper_student: Whether the student's logits are divided by :math:`\tau` too.
        divide_by_classes: Whether the divergence is divided by K, as ``torch.nn.KLDivLoss`` does
            by its default ``reduction='mean'``; ``'batchmean'`` does not.
        multiplier: Further factor on the divergence; the released settings have 1 to 100 beside
            ``divide_by_classes``.
        loss_weight: Factor on the result.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
    """

    def __init__(
        self,
        alpha: float = 0.1,
        correct_probability: float = 0.99,
        temperature: float = 20.0,
        softening: str = "power",
        temper_student: bool = True,
        divide_by_classes: bool = False,
        multiplier: float = 1.0,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha is a share, from 0 to 1, not {alpha}.")
        if not 0 < correct_probability < 1:
            raise ValueError(
                f"correct_probability is that of the label's class, in (0, 1), not "
                f"{correct_probability}."
            )
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        if softening not in SOFTENINGS:
            raise ValueError(f"softening is one of {', '.join(SOFTENINGS)}, not {softening!r}.")
        self.alpha, self.correct_probability = alpha, correct_probability
        self.temperature, self.softening = temperature, softening
        self.temper_student, self.divide_by_classes = temper_student, divide_by_classes
        self.multiplier = multiplier
        self.loss_weight, self.reduction = loss_weight, reduction

    def forward(
        self,
        cls_score: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss, in the signature of mmpretrain's losses.

        Args:
            cls_score: Logits, shape (N, K).
            target: Class indices, shape (N,).
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.

        Returns:
            A 0-dim tensor, or shape (N,) for ``reduction_override='none'``.

        Raises:
            ValueError: If the labels are soft, or a is not the greatest probability.
        """
        if target.dim() != 1:
            raise ValueError(
                f"TfKDRegLoss designs a teacher for each hard label, and got scores of shape "
                f"{tuple(target.shape)}: remove what makes labels soft, batch augmentations such "
                "as Mixup and CutMix (train_cfg.augments) or to_onehot of the data preprocessor."
            )
        with torch.autocast(cls_score.device.type, enabled=False):
            logits = full_precision(cls_score)
            log_student = logits.log_softmax(-1)
            loss = -(1 - self.alpha) * log_student.gather(1, target[:, None])[:, 0]
            if self.temper_student:
                log_student = (logits / self.temperature).log_softmax(-1)
            log_teacher = self.designed(logits, target)
            divergence = (log_teacher.exp() * (log_teacher - log_student)).sum(-1)
            if self.divide_by_classes:
                divergence = divergence / logits.shape[1]
            loss = loss + self.alpha * self.multiplier * divergence
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Mapping[str, str] | None = None
    ) -> None:
        """Raise ``ValueError``: a term calls this method, and this loss cannot be a term's loss."""
        raise ValueError(
            "TfKDRegLoss compares a classifier with its labels and no teacher: take it as the loss "
            "of the head, student=dict(head=dict(loss=dict(type='mmkd.TfKDRegLoss'))), and not as "
            "the loss of a term."
        )

    def designed(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the softened log-probabilities of the designed teacher, (N, K).

        Args:
            logits: Logits of the student, shape (N, K); only their shape and type are read.
            labels: Class indices, shape (N,).
        """
        classes = logits.shape[1]
        if self.correct_probability * classes <= 1:
            raise ValueError(
                f"With {classes} classes a correct_probability of {self.correct_probability} does "
                "not exceed that of the others: the designed teacher would be wrong."
            )
        rest = (1 - self.correct_probability) / (classes - 1)
        probabilities = torch.full_like(logits, rest, requires_grad=False)
        probabilities.scatter_(1, labels[:, None], self.correct_probability)
        raw = probabilities.log() if self.softening == "power" else probabilities
        return (raw / self.temperature).log_softmax(-1)
