"""Correlation of the channels of feature maps (PKD)."""

import torch
from torch import Tensor

from mmkd.losses.base.feature_maps import maps_alike
from mmkd.losses.base.relational_feature_loss import RelationalFeatureLoss
from mmkd.registry import MODELS

EPS = 1e-6


def standardised(maps: Tensor) -> Tensor:
    """Return maps (N, C, H, W) with mean 0 and variance 1 in each channel over the whole batch.

    A channel that is constant, or that has only one value, becomes 0.
    """
    several = maps.numel() > maps.shape[1]
    variance, mean = torch.var_mean(maps, dim=(0, 2, 3), keepdim=True, correction=int(several))
    # The derivative of the root at 0 is infinite. Any divisor will do there, since the numerator is
    # 0.
    deviation = variance.masked_fill(variance == 0, 1.0).sqrt()
    return (maps - mean) / (deviation + EPS)


@MODELS.register_module()
class PKDLoss(RelationalFeatureLoss):
    r"""Half the mean squared difference of standardised maps, equal to 1 minus their correlation.

    PKD: General Distillation Framework for Object Detectors via Pearson Correlation Coefficient
    (Cao et al., NeurIPS 2022): each channel is standardised over all positions of all samples of
    the process's batch. Magnitudes do not matter. The correlation belongs to the whole batch, so
    there is no loss of a single sample that could be weighed.

    Args:
        loss_weight: Factor on the result.
    """

    same_shape = True

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        student, teacher = maps_alike(self, student, teacher)
        return self.relation(student, teacher) if len(student) else student.sum()

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of one pair, 0-dim, from maps (N, C, H, W)."""
        return (standardised(student) - standardised(teacher)).square().mean() / 2
