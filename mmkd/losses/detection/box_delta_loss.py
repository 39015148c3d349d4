"""Loss that uses the teacher's boxes as targets of a two-stage head."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.feature_loss import FeatureLoss, Features, in_pairs
from mmkd.registry import MODELS


@MODELS.register_module()
class BoxDeltaLoss(FeatureLoss):
    """Smooth L1 between the box deltas of student and teacher on foreground RoIs.

    Both heads see the same RoIs, so their deltas mean the same boxes if their ``bbox_coder`` is the
    same. From class-specific deltas the loss takes those of the RoI's class. Background RoIs count
    with 0 in the mean, as in the loss of mmdet's head. The formula comes from no paper; it
    interprets "box-regression distillation". A term gets the labels by
    ``labels='roi_head.bbox_head.loss_cls:input[1]'``.

    Args:
        num_classes: Number of classes; RoIs with this label are background. It is read from the
            deltas if one of the heads has class-specific ones.
        beta: Distance at which the loss turns from quadratic to linear; 0 gives L1, as mmdet's
            Faster R-CNN has.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    needs_labels = True
    compares_deltas = True

    def __init__(
        self,
        num_classes: int | None = None,
        beta: float = 1.0,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if beta < 0:
            raise ValueError(f"beta cannot be negative: {beta}.")
        self.num_classes, self.beta = num_classes, beta

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Check the deltas' shapes (R, 4) or (R, 4 C) when a term is built."""
        for own, theirs in zip(student_shapes, teacher_shapes, strict=True):
            self.classes(own, theirs)

    def classes(self, student: Sequence[int], teacher: Sequence[int]) -> int:
        """Return the number of classes, from the shapes of the deltas."""
        counts = {shape[-1] // 4 for shape in (student, teacher) if shape[-1] != 4}
        counts |= {self.num_classes} if self.num_classes is not None else set()
        if any(len(shape) != 2 or shape[1] % 4 for shape in (student, teacher)):
            raise ValueError(
                f"BoxDeltaLoss compares deltas (R, 4) or (R, 4 C), not {tuple(student)} and "
                f"{tuple(teacher)}: tap 'roi_head.bbox_head.fc_reg'."
            )
        if not counts:
            raise ValueError(
                "Both heads' deltas are of no class (R, 4): give BoxDeltaLoss num_classes, which "
                "is the label of background."
            )
        if len(counts) > 1:
            raise ValueError(
                f"BoxDeltaLoss finds {' and '.join(map(str, sorted(counts)))} classes in the "
                f"deltas {tuple(student)} and {tuple(teacher)} and num_classes={self.num_classes}."
            )
        return counts.pop()

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            student_features: Deltas, shape (R, 4) or (R, 4 C).
            teacher_features: Deltas, likewise. No gradient flows into them.
            weight: Weight of each RoI, shape (R,).
            avg_factor: Divisor of a mean in place of R.
            reduction_override: Used in place of ``reduction``.
            labels: Class of each RoI, shape (R,), C for background.
        """
        if labels is None:
            raise ValueError(
                "BoxDeltaLoss needs the RoIs' labels: give its term "
                "labels='roi_head.bbox_head.loss_cls:input[1]'."
            )
        loss = sum(
            self.of_foreground(student, teacher, labels)
            for student, teacher in in_pairs(student_features, teacher_features)
        )
        assert isinstance(loss, Tensor)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def of_foreground(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each RoI, shape (R,), summed over its four deltas."""
        background = labels >= self.classes(student.shape, teacher.shape)
        # Background has no class among the deltas: any index will do, since its loss becomes 0.
        index = labels.masked_fill(background, 0)
        own, theirs = (_of_class(deltas, index) for deltas in (student, teacher))
        distance: Tensor = smooth_l1_loss(own, theirs, reduction="none", beta=self.beta).sum(1)
        return distance.masked_fill(background, 0.0)


def _of_class(deltas: Tensor, labels: Tensor) -> Tensor:
    """Return the four deltas of each RoI's class, shape (R, 4)."""
    if deltas.shape[1] == 4:
        return deltas
    by_class: Tensor = deltas.unflatten(1, (-1, 4))
    return by_class.gather(1, labels[:, None, None].expand(-1, 1, 4))[:, 0]
