"""Cosine and smooth L1 distance of features at each position (UNIC)."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import cosine_similarity, smooth_l1_loss

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import check_alike
from mmkd.networks.grids import to_tokens
from mmkd.registry import MODELS


@MODELS.register_module()
class UNICLoss(FeatureLoss):
    r"""Weighted sum of the cosine distance and the smooth L1 distance of features.

    UNIC: Universal Classification Models via Multi-teacher Distillation (Sariyildiz et al., ECCV
    2024), as in the released code:

    .. math:: w_c\,(1 - \cos(f_s, f_t)) + w_s\,smooth_{L1}(f_s, f_t)

    for vectors, or at each position of maps and tokens, whose mean is the loss of a sample. The
    smooth L1 distance is a mean over channels, and the loss of several features, such as class
    token and patches, is the mean of theirs. AM-RADIO and Theia take 0.9 and 0.1.

    Args:
        cosine_weight: :math:`w_c`.
        smooth_weight: :math:`w_s`.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self,
        cosine_weight: float = 0.5,
        smooth_weight: float = 0.5,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        self.cosine_weight, self.smooth_weight = cosine_weight, smooth_weight

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the loss of each sample, shape (N,), the mean over pairs of features."""
        return super().total(pairs) / len(pairs)

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        check_alike(self, student, teacher)
        if student.dim() == 4:
            student, teacher = to_tokens(student), to_tokens(teacher)
        apart = 1 - cosine_similarity(student, teacher, dim=-1)
        smooth = smooth_l1_loss(student, teacher, reduction="none").mean(-1)
        each = self.cosine_weight * apart + self.smooth_weight * smooth
        return each.flatten(1).mean(1) if each.dim() > 1 else each
