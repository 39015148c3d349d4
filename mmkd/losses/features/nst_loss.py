"""Neuron selectivity transfer (NST)."""

from torch import Tensor
from torch.nn.functional import normalize

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import same_size
from mmkd.registry import MODELS


def mean_kernel(first: Tensor, second: Tensor) -> Tensor:
    r"""Return the mean of :math:`(x^T y)^2` over all pairs of rows of each sample, shape (N,).

    Args:
        first: Rows x, shape (N, C, D).
        second: Rows y, shape (N, C', D).
    """
    return (first @ second.transpose(1, 2)).square().mean((1, 2))


@MODELS.register_module()
class NSTLoss(FeatureLoss):
    r"""Squared maximum mean discrepancy between the channels of student and teacher.

    Like What You Like: Knowledge Distill via Neuron Selectivity Transfer (Huang and Wang, 2017),
    with the polynomial kernel :math:`k(x, y) = (x^T y)^2` on channels, flattened and scaled to unit
    length: :math:`\bar k(t, t) + \bar k(s, s) - 2 \bar k(s, t)`. Numbers of channels may differ;
    the larger map is averaged to the size of the smaller. The literature's CIFAR-100 recipe takes
    ``loss_weight=50``.
    """

    same_shape = False

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        own, theirs = (normalize(maps.flatten(2), dim=2) for maps in same_size(student, teacher))
        return mean_kernel(theirs, theirs) + mean_kernel(own, own) - 2 * mean_kernel(own, theirs)
