"""Loss between the predictions of two detectors for the same queries: classes and boxes."""

from typing import Any

from torch import Tensor, nn

from mmkd.arithmetic import full_precision, reduce_loss
from mmkd.contracts import traits_of
from mmkd.registry import MODELS

Boxes = tuple[Tensor, Tensor]


@MODELS.register_module()
class QueryKDLoss(nn.Module):
    r"""Loss of classes plus L1 and generalised IoU of the boxes of paired queries.

    .. math:: L_{cls}(z_s, z_t) + \lambda_1 \|b_s - b_t\|_1 + \lambda_2 (1 - GIoU(b_s, b_t))

    The losses of DETR (Carion et al., ECCV 2020) with the teacher's prediction as the target, as in
    KD-DETR (Wang et al., CVPR 2024). The boxes, relative centre, width and height, come from the
    term's locations: :class:`mmkd.locations.SharedQueries` or
    :class:`mmkd.locations.MatchedQueries`.

    Args:
        classes: Config of the loss on class logits.
        box_weight: :math:`\lambda_1`, as in DETR.
        iou_weight: :math:`\lambda_2`, as in DETR.
        loss_weight: Factor on the result.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
    """

    def __init__(
        self,
        classes: dict[str, Any] | nn.Module,
        box_weight: float = 5.0,
        iou_weight: float = 2.0,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.classes = classes if isinstance(classes, nn.Module) else MODELS.build(classes)
        traits = traits_of(self.classes)
        if traits.relational:
            raise ValueError(
                f"QueryKDLoss adds up losses of single queries, and {type(self.classes).__name__} "
                "compares queries with each other: take a loss such as mmkd.KDLoss."
            )
        self.needs_labels, self.activation = traits.needs_labels, traits.activation
        self.box_weight, self.iou_weight = box_weight, iou_weight
        self.loss_weight, self.reduction = loss_weight, reduction

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        boxes: Boxes | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            student_logits: Shape (R, C).
            teacher_logits: Shape (R, C). No gradient flows into them.
            labels: Class indices, shape (R,), if ``classes`` needs them.
            weight: Weight of each query, shape (R,).
            avg_factor: Divisor of a mean in place of R.
            boxes: The student's boxes (R, 4) and the teacher's.
            reduction_override: Used in place of ``reduction``.
        """
        if boxes is None:
            raise ValueError(
                "QueryKDLoss needs the boxes of the queries: give its term "
                "locations=dict(type='mmkd.SharedQueries') or mmkd.MatchedQueries."
            )
        loss: Tensor = self.classes(
            student_logits, teacher_logits, labels=labels, reduction_override="none"
        )
        own, theirs = full_precision(boxes[0]), full_precision(boxes[1].detach())
        loss = loss + self.box_weight * (own - theirs).abs().sum(-1)
        loss = loss + self.iou_weight * (1 - overlap(own, theirs))
        return self.loss_weight * reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor
        )


def overlap(boxes: Tensor, others: Tensor) -> Tensor:
    """Return the generalised IoU of each pair of boxes (R, 4), by centre and size, (R,)."""
    from mmdet.structures.bbox import bbox_cxcywh_to_xyxy, bbox_overlaps

    corners = (bbox_cxcywh_to_xyxy(each) for each in (boxes, others))
    overlaps: Tensor = bbox_overlaps(*corners, mode="giou", is_aligned=True)
    return overlaps
