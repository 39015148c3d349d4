"""What every loss between student and teacher features shares."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.losses.reduction import reduce_loss
from mmkd.precision import full_precision

Features = Tensor | Sequence[Tensor]


def _as_list(features: Features) -> list[Tensor]:
    features = [features] if isinstance(features, Tensor) else features
    return [full_precision(feature) for feature in features]


class FeatureLoss(nn.Module, ABC):
    """Base class of per-sample losses on features: a sum over pairs of :meth:`distance`.

    Args:
        loss_weight: Factor on the result.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Attributes:
        same_shape: Whether student and teacher features must have equal shapes. Where they have
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
            avg_factor: What a mean divides by in place of N.
            reduction_override: Used in place of ``reduction``.

        Returns:
            A 0-dim tensor, or shape (N,) for ``reduction_override='none'``.
        """
        students, teachers = _as_list(student_features), _as_list(teacher_features)
        if len(students) != len(teachers):
            raise ValueError(
                f"{len(students)} student and {len(teachers)} teacher features: a feature loss "
                "needs pairs."
            )
        with torch.autocast(students[0].device.type, enabled=False):
            pairs = zip(students, teachers, strict=True)
            distances = [self.distance(s, t.detach()) for s, t in pairs]
        loss = sum(distances[1:], start=distances[0])
        return self.loss_weight * reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor
        )

    @abstractmethod
    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of each sample, shape (N,), for one pair of features (N, ...)."""
