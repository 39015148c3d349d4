"""Base class of feature losses with a trainable part for each pair, built from both shapes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from mmkd.losses.base.feature_loss import FeatureLoss

Shape = tuple[int, ...]


class PairedPartsLoss(FeatureLoss, ABC):
    """Base class of per-sample losses with a trainable module, a part, for each pair of features.

    A part belongs to the loss, whereas a connector runs before the loss and can precede any loss. A
    term calls :meth:`adapt` when it is built. A loss that is used by itself needs that call too.
    """

    same_shape = False

    def __init__(self, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(loss_weight, reduction)
        self.parts = nn.ModuleList()

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Build the parts for features of these shapes, (N, C, ...)."""
        if len(student_shapes) != len(teacher_shapes):
            raise ValueError(
                f"{type(self).__name__} compares pairs, and taps {len(student_shapes)} features of "
                f"the student and {len(teacher_shapes)} of the teacher: tap as many of each."
            )
        pairs = zip(student_shapes, teacher_shapes, strict=True)
        self.parts = nn.ModuleList(self.part(tuple(own), tuple(other)) for own, other in pairs)

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        if len(self.parts) != len(pairs):
            raise ValueError(
                f"{type(self).__name__} has parts for {len(self.parts)} pairs of features and got "
                f"{len(pairs)}: call its adapt(student_shapes, teacher_shapes) first."
            )
        losses = [self.compare(p, *pair) for p, pair in zip(self.parts, pairs, strict=True)]
        return sum(losses[1:], start=losses[0])

    @abstractmethod
    def part(self, student_shape: Shape, teacher_shape: Shape) -> nn.Module:
        """Return the module that is trained for a pair of features of these shapes."""

    @abstractmethod
    def compare(self, part: nn.Module, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the loss of each sample, shape (N,), for one pair of features."""
