"""Loss between features at several scales (ReviewKD)."""

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import check_alike
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.registry import MODELS

SIZES = (4, 2, 1)


def hierarchical_distance(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Return the hierarchical context loss of each sample, shape (N,).

    :math:`\frac{1}{\sum_l 2^{-l}} \sum_l 2^{-l}\,MSE(pool_l(F_s), pool_l(F_t))`. :math:`pool_0`
    leaves a map as it is, and the other poolings average it to 4 x 4, 2 x 2 and 1 x 1; sizes that
    are not smaller than the map's height are left out.

    Args:
        student: Shape (N, C, H, W) or, for pooled features, (N, C).
        teacher: The same shape.
    """
    loss, weight, total = hint_distance(student, teacher), 1.0, 1.0
    for size in SIZES:
        if student.dim() == 4 and size < student.shape[2]:
            weight /= 2
            pooled = (adaptive_avg_pool2d(maps, size) for maps in (student, teacher))
            loss = loss + weight * hint_distance(*pooled)
            total += weight
    return loss / total


@MODELS.register_module()
class ReviewKDLoss(FeatureLoss):
    """Hierarchical context loss (HCL), summed over levels.

    Distilling Knowledge via Knowledge Review (Chen et al., CVPR 2021), figure 3 (c), with the
    weights of the scales in the released code. ReviewKD puts
    ``connector=dict(type='mmkd.ReviewConnector')`` before it.
    """

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        check_alike(self, student, teacher)
        return hierarchical_distance(student, teacher)
