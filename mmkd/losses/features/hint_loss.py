"""Regression of intermediate features (FitNets)."""

from torch import Tensor

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.registry import MODELS


def hint_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean squared difference of each sample's features (N, ...), shape (N,).

    Raises:
        ValueError: If the shapes of the features differ, because they would broadcast.
    """
    if student.shape != teacher.shape:
        raise ValueError(
            f"Student features have shape {tuple(student.shape)} and teacher features "
            f"{tuple(teacher.shape)}: put a connector between them, such as "
            "connector=dict(type='mmkd.ProjectionConnector')."
        )
    return (student - teacher).square().flatten(1).mean(1)


@MODELS.register_module()
class HintLoss(FeatureLoss):
    """Mean squared error between features.

    FitNets: Hints for Thin Deep Nets (Romero et al., ICLR 2015), eq. 3, as a mean over elements.
    """

    distance = staticmethod(hint_distance)
