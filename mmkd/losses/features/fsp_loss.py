"""Loss on the flow of the solution procedure (FSP)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import maps_alike, same_size
from mmkd.registry import MODELS


def flow(first: Tensor, second: Tensor) -> Tensor:
    r"""Return the FSP matrix of two layers, :math:`\frac{1}{HW}\sum_{h,w} F_i F'_j`, (N, C, C').

    Args:
        first: Shape (N, C, H, W).
        second: Shape (N, C', H', W'). The larger map is averaged to the size of the smaller one.
    """
    first, second = (maps.flatten(2) for maps in same_size(first, second))
    return first @ second.transpose(1, 2) / first.shape[2]


@MODELS.register_module()
class FSPLoss(FeatureLoss):
    """Mean squared difference of the FSP matrices of consecutive layers.

    A Gift from Knowledge Distillation: Fast Optimization, Network Minimization and Transfer
    Learning (Yim et al., CVPR 2017); the loss is a mean over the entries of a matrix. The term taps
    two layers or more, from shallow to deep: n layers give n - 1 matrices. Student and teacher must
    have the same number of channels, otherwise the term needs a connector. In the paper this loss
    alone initialises the student, before it trains on labels: see ``student_loss_schedule`` of the
    distiller.
    """

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Check the number of layers; the loss has nothing to train."""
        if len(student_shapes) < 2:
            raise ValueError(
                "FSPLoss compares what flows from one layer to the next: tap two layers or more."
            )

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        pairs = [maps_alike(self, *pair) for pair in pairs]
        losses = []
        for (own, theirs), (next_own, next_theirs) in pairwise(pairs):
            difference = flow(own, next_own) - flow(theirs, next_theirs)
            losses.append(difference.square().flatten(1).mean(1))
        return sum(losses[1:], start=losses[0])
