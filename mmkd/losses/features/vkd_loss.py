"""Regression of a standardised feature through an orthogonal projection (VkD)."""

from torch import Tensor, nn
from torch.nn.functional import layer_norm, smooth_l1_loss
from torch.nn.utils.parametrizations import orthogonal

from mmkd.losses.base.feature_maps import channels_of, pooled
from mmkd.losses.base.paired_parts_loss import PairedPartsLoss, Shape
from mmkd.registry import MODELS


@MODELS.register_module()
class VkDLoss(PairedPartsLoss):
    r"""Smooth L1 distance of the student's projected feature to the teacher's standardised one.

    VkD: Improving Knowledge Distillation using Orthogonal Projections (Miles et al., CVPR 2024), in
    the form of the released code (roymiles/VkD):

    .. math:: smooth_{L1}(P\,\bar{h}_s, LN(\bar{h}_t)), \quad P^T P = I \text{ or } P P^T = I

    with features averaged over their positions or tokens, the projection P (D_t, D_s) trained with
    orthonormal columns (rows, if the student's feature is the wider one), and a layer norm without
    parameters, which standardises each teacher feature. An orthogonal P preserves the distances
    between the student's features, so that P cannot learn a part of the task in place of the
    student. The loss of a sample is the mean over the D_t numbers. It needs neither labels nor
    logits.

    Args:
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    def part(self, student_shape: Shape, teacher_shape: Shape) -> nn.Module:
        own, theirs = channels_of(student_shape), channels_of(teacher_shape)
        projection: nn.Module = orthogonal(nn.Linear(own, theirs, bias=False))
        return projection

    def compare(self, part: nn.Module, student: Tensor, teacher: Tensor) -> Tensor:
        own, theirs = pooled(student), pooled(teacher)
        standard = layer_norm(theirs, theirs.shape[1:])
        return smooth_l1_loss(part(own), standard, reduction="none").mean(1)
