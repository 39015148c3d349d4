"""Base class of losses between the relations of student and teacher features."""

from abc import ABC, abstractmethod

from torch import Tensor

from mmkd.losses.base.feature_loss import FeatureLoss, Features


def unit_length(vectors: Tensor, eps: float = 0.0) -> Tensor:
    """Return vectors (..., D) divided by their length plus ``eps``.

    Vectors of length 0, which have no direction, stay 0, with a gradient that is finite and small.
    """
    length: Tensor = vectors.norm(dim=-1, keepdim=True)
    return vectors / (length + eps).masked_fill(length == 0, 1.0)


class RelationalFeatureLoss(FeatureLoss, ABC):
    """Base class of feature losses on relations between the samples of a batch.

    Features (N, ...) are taken as vectors (N, D); those of student and teacher may have different
    lengths. There is no loss of a single sample. A weight is therefore refused, by a term at build
    time and here. ``reduction`` has no meaning.
    """

    relational = True
    same_shape = False

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss of the batch, summed over the pairs: a 0-dim tensor.

        Args:
            student_features: A tensor (N, ...) or several.
            teacher_features: As many tensors. No gradient flows into them.
            weight: Must be ``None``; the argument exists because other losses have it, like the
                next two.
            avg_factor: Must be ``None``.
            reduction_override: Without effect.

        Raises:
            ValueError: If a weight or an ``avg_factor`` is passed.
        """
        if weight is not None or avg_factor is not None:
            raise ValueError(
                f"{type(self).__name__} compares relations between samples: it has no loss of a "
                "single sample that could be weighed."
            )
        return super().forward(student_features, teacher_features)

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        if not len(student):
            return student.sum()
        return self.relation(student.flatten(1), teacher.flatten(1))

    @abstractmethod
    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of one pair, 0-dim, from vectors (N, D) and (N, D')."""
