"""Weights of places with and without an object that balance the two (D-FINE's DDF)."""

from typing import Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.contracts import traits_of
from mmkd.registry import MODELS


@MODELS.register_module()
class DDFWeight(nn.Module):
    r"""Weigh places with an object by their box's overlap, and others by the teacher's confidence.

    D-FINE: Redefine Regression Task of DETRs as Fine-grained Distribution Refinement (Peng et al.,
    ICLR 2025), decoupled distillation focal loss. Of the :math:`N_+` places with an object and the
    :math:`N_-` others, place r weighs

    .. math:: \frac{1}{\sqrt{N_\pm}\,(\sqrt{N_+} + \sqrt{N_-})}
        \begin{cases} IoU_r & \text{with an object} \\ \max_c p^t_{r,c} & \text{else} \end{cases}

    for a loss with ``reduction='sum'``: the means over the two kinds of places then count as much
    as the square roots of their numbers, as in the released code. IoU is that of the student's box
    with its object, which ``locations=dict(type='mmkd.DenseLocations', select='all',
    overlaps=True)`` gives as labels.

    Args:
        factor: Config of another sample weight, by which this one is multiplied, such as
            :class:`mmkd.EntropyWeight`. This option is not in the paper.

    Attributes:
        needs_labels: Whether a term has to pass labels, which are the overlaps.
        activation: Activation that the weight applies to logits; it must be that of the student's
            head.
    """

    needs_labels = True
    activation = "sigmoid"

    def __init__(self, factor: dict[str, Any] | nn.Module | None = None) -> None:
        super().__init__()
        self.factor = MODELS.build(factor) if isinstance(factor, dict) else factor
        if self.factor is not None and traits_of(self.factor).needs_labels:
            raise ValueError(
                f"DDFWeight multiplies weights that read logits alone, and "
                f"{type(self.factor).__name__} needs labels: take one such as mmkd.EntropyWeight."
            )

    @torch.no_grad()
    def forward(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """Return the weight of each place, shape (R,), detached.

        Args:
            student_logits: Raw logits of shape (R, C).
            teacher_logits: Raw logits of shape (R, C).
            labels: Overlap of the student's box with its object, (R,), 0 where there is none.

        Raises:
            ValueError: If the labels are not overlaps, which are floating-point numbers.
        """
        if labels is None or not labels.is_floating_point():
            raise ValueError(
                "DDFWeight needs the overlaps of boxes with their objects as labels: give its term "
                "locations=dict(type='mmkd.DenseLocations', select='all', overlaps=True)."
            )
        matched = labels > 0
        confidence = full_precision(teacher_logits).sigmoid().amax(-1)
        weight = torch.where(matched, labels.to(confidence), confidence)
        if self.factor is not None:
            weight = weight * self.factor(student_logits, teacher_logits)
        roots = torch.stack([matched.sum(), (~matched).sum()]).to(weight).sqrt()
        shares = (1 / (roots * roots.sum())).nan_to_num(posinf=0)  # of no places: 0
        return weight * torch.where(matched, shares[0], shares[1])
