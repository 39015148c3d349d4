"""Similarity-preserving distillation (SP)."""

from torch import Tensor

from mmkd.losses.base.relational_feature_loss import RelationalFeatureLoss, unit_length
from mmkd.registry import MODELS


@MODELS.register_module()
class SPLoss(RelationalFeatureLoss):
    r"""Mean squared difference of the similarity matrices of a batch in the two networks.

    Similarity-Preserving Knowledge Distillation (Tung and Mori, ICCV 2019): with :math:`G = FF^T`
    of the features F (N, D) and rows scaled to unit length, :math:`\|G_t - G_s\|_F^2 / N^2`. The
    literature's CIFAR-100 recipe applies it to the maps of the last stage with
    ``loss_weight=3000``.
    """

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        difference = unit_length(teacher @ teacher.T) - unit_length(student @ student.T)
        return difference.square().mean()
