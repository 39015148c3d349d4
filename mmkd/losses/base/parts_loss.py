"""Base class of feature losses with trainable parts."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import maps_alike


class PartsLoss(FeatureLoss, ABC):
    """Base class of losses on feature maps with a trainable module, a part, for each pair.

    A term calls :meth:`adapt` when it is built. A loss that is used by itself needs that call too.
    """

    def __init__(self, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(loss_weight, reduction)
        self.parts = nn.ModuleList()

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Build the parts for the teacher's shapes, which the connectors produce.

        The shapes are those of maps (N, C, H, W), or of tokens (N, L, C), which become maps on
        their grid.
        """
        for shape in teacher_shapes:
            if len(shape) not in (3, 4):
                raise ValueError(
                    f"{type(self).__name__} compares feature maps (N, C, H, W), not features of "
                    f"shape {tuple(shape)}: tap a stage of the backbone or the levels of the neck."
                )
        self.parts = nn.ModuleList(
            self.part(shape[1 if len(shape) == 4 else 2]) for shape in teacher_shapes
        )

    @abstractmethod
    def part(self, channels: int) -> nn.Module:
        """Return the module that is trained for a pair of maps with ``channels`` channels."""

    def with_parts(
        self, pairs: Sequence[tuple[Tensor, Tensor]]
    ) -> list[tuple[nn.Module, Tensor, Tensor]]:
        """Return each part with its pair of maps, which have the same shape."""
        if len(self.parts) != len(pairs):
            raise ValueError(
                f"{type(self).__name__} has parts for {len(self.parts)} pairs of features and got "
                f"{len(pairs)}: call its adapt(student_shapes, teacher_shapes) first."
            )
        return [
            (part, *maps_alike(self, *pair)) for part, pair in zip(self.parts, pairs, strict=True)
        ]
