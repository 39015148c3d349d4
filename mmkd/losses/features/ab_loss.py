"""Distillation of activation boundaries (AB)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmkd.losses.base.depth_weights import weigh_by_depth
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import check_alike
from mmkd.registry import MODELS


@MODELS.register_module()
class ABLoss(FeatureLoss):
    r"""Squared hinge that moves the student's neurons to the teacher's side of activation.

    Knowledge Transfer via Distillation of Activation Boundaries Formed by Hidden Neurons (Heo et
    al., AAAI 2019), on features before their activation: a neuron that is active in the teacher
    (:math:`t > 0`) costs :math:`\max(m - s, 0)^2`, an inactive one :math:`\max(s + m, 0)^2`. The
    loss of a sample is the sum over its neurons; each layer counts half as much as the next deeper
    one, as in the published code, which also multiplies by 0.003. The student's features pass a
    connector (a convolution and batch norm) first. In the paper this loss alone initialises the
    student, before it trains on labels: see ``student_loss_schedule`` of the distiller.

    Args:
        margin: :math:`m`.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self, margin: float = 1.0, loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        if margin < 0:
            raise ValueError(f"The margin cannot be negative: {margin}.")
        self.margin = margin

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        return weigh_by_depth([self.distance(*pair) for pair in pairs])

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        check_alike(self, student, teacher)
        beyond = torch.where(teacher > 0, self.margin - student, self.margin + student)
        return beyond.clamp(min=0).square().flatten(1).sum(1)
