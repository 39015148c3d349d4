"""Base class of the losses between student and teacher features."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision, reduce_loss

Features = Tensor | Sequence[Tensor]


def as_list(features: Features) -> list[Tensor]:
    """Return one or several features as a list, in full precision."""
    features = [features] if isinstance(features, Tensor) else features
    return [full_precision(feature) for feature in features]


def in_pairs(student_features: Features, teacher_features: Features) -> list[tuple[Tensor, Tensor]]:
    """Return pairs of features in full precision, the teacher's detached.

    Raises:
        ValueError: If there are not as many student as teacher features.
    """
    students, teachers = (
        [features] if isinstance(features, Tensor) else features
        for features in (student_features, teacher_features)
    )
    if len(students) != len(teachers):
        raise ValueError(
            f"{len(students)} student and {len(teachers)} teacher features: a feature loss "
            "needs pairs."
        )
    return [
        (full_precision(student), full_precision(teacher.detach()))
        for student, teacher in zip(students, teachers, strict=True)
    ]


class FeatureLoss(nn.Module):
    """Base class of per-sample losses on features: a sum over pairs of :meth:`distance`.

    A loss that does more than add up pairs defines :meth:`total` in place of :meth:`distance`.

    Args:
        loss_weight: Factor on the result.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Attributes:
        same_shape: Whether student and teacher features must have equal shapes. If they must but do
            not, the distiller puts a connector before the loss.
    """

    same_shape = True

    def __init__(self, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.reduction = reduction

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss, summed over the pairs.

        Args:
            student_features: A tensor (N, ...) or several.
            teacher_features: As many tensors. No gradient flows into them.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.

        Returns:
            A 0-dim tensor, or shape (N,) for ``reduction_override='none'``.
        """
        pairs = in_pairs(student_features, teacher_features)
        with torch.autocast(pairs[0][0].device.type, enabled=False):
            loss = self.total(pairs)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the loss of each sample, shape (N,), summed over pairs of features."""
        distances = [self.distance(student, teacher) for student, teacher in pairs]
        return sum(distances[1:], start=distances[0])

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of each sample, shape (N,), for one pair of features (N, ...)."""
        raise NotImplementedError(
            f"{type(self).__name__} has neither distance(...), for a pair of features, nor "
            "total(...), for all pairs: write one of them, see docs/add_a_method.md."
        )
