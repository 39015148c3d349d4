"""Attention transfer (AT)."""

from torch import Tensor
from torch.nn.functional import normalize

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import same_size
from mmkd.registry import MODELS


def attention(maps: Tensor, p: float = 2.0) -> Tensor:
    r"""Return the attention map :math:`\sum_c |F_c|^p` at unit length, shape (N, H * W).

    Args:
        maps: Shape (N, C, H, W).
        p: Exponent.
    """
    return normalize(maps.abs().pow(p).mean(1).flatten(1))


@MODELS.register_module()
class ATLoss(FeatureLoss):
    r"""Mean squared difference between the attention maps of student and teacher.

    Paying More Attention to Attention: Improving the Performance of Convolutional Neural Networks
    via Attention Transfer (Zagoruyko and Komodakis, ICLR 2017). This is the activation-based
    attention of the released code: the mean over positions and samples of the squared difference.
    Channels may differ; the larger map is averaged to the size of the smaller.

    Args:
        p: Exponent of the activations, at least 1.
        loss_weight: Factor on the result; the literature's CIFAR-100 recipe takes 1000.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False

    def __init__(self, p: float = 2.0, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(loss_weight, reduction)
        if p < 1:
            raise ValueError(f"The exponent p must be at least 1, not {p}.")
        self.p = p

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        student, teacher = same_size(student, teacher)
        return (attention(student, self.p) - attention(teacher, self.p)).square().mean(1)
