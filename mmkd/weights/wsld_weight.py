"""Sample weights from the student's error relative to the teacher's (WSLD)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS


@MODELS.register_module()
class WSLDWeight(nn.Module):
    r"""Weigh each sample by :math:`1 - \exp(-CE_s / CE_t)`, from cross-entropies with its label.

    Rethinking Soft Labels for Knowledge Distillation: A Bias-Variance Tradeoff Perspective (Zhou et
    al., ICLR 2021): :math:`CE_s` is the student's and :math:`CE_t` the teacher's, both at
    temperature 1. A sample that the student knows as well as the teacher weighs :math:`1 - 1/e`. A
    sample that only the teacher knows weighs up to 1, and a sample that only the student knows down
    to 0. Together with :class:`mmkd.losses.KDLoss` this is WSLD. Its released code computes the
    cross-entropy between the tempered outputs: the KL divergence plus the teacher's entropy, which
    the student cannot change.

    Args:
        eps: Number added to :math:`CE_t`, as in the released code, for teachers that are certain.

    Attributes:
        needs_labels: Whether a term has to pass labels.
        activation: Activation that the weight applies to logits; it must be that of the student's
            head.
    """

    needs_labels = True
    activation = "softmax"

    def __init__(self, eps: float = 1e-7) -> None:
        super().__init__()
        if eps <= 0:
            raise ValueError(f"eps must be positive, not {eps}: it keeps the quotient finite.")
        self.eps = eps

    @torch.no_grad()
    def forward(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """Return the weight of each sample, shape (N,), detached, from 0 to 1.

        Args:
            student_logits: Raw logits of shape (N, C).
            teacher_logits: Raw logits of shape (N, C).
            labels: Class indices, shape (N,).

        Raises:
            ValueError: If there are no labels.
        """
        if labels is None:
            raise ValueError(
                "WSLDWeight needs labels (class indices), but the batch has none: batch "
                "augmentations such as Mixup and CutMix leave only soft labels, and a detector's "
                "term says by `labels` where they are."
            )
        own, theirs = (
            cross_entropy(full_precision(logits), labels, reduction="none")
            for logits in (student_logits, teacher_logits)
        )
        return -torch.expm1(-own / (theirs + self.eps))
