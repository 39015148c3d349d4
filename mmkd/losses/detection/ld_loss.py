"""Distillation of the distributions of box edges (LD)."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS

EDGES = 4


@MODELS.register_module()
class LDLoss(LogitLoss):
    r"""Tempered KL divergence between the distributions of the four edges of boxes.

    Localization Distillation for Dense Object Detection (Zheng et al., CVPR 2022). Heads such as
    GFL's predict each edge as a softmax over n + 1 distances, and each of the four edges is
    distilled as class logits are. The loss of a box is the mean over its edges.

    The authors' code, as mmdet has it, takes the mean over the n + 1 bins in place of the sum of
    the divergence, weighs boxes by the student's greatest class probability, and sums over all
    positive locations. The default temperature and ``loss_weight`` are those of this code. For the
    complete behaviour of that code set ``reduction='sum'``,
    ``sample_weight=dict(type='mmkd.ConfidenceWeight', of='student')`` and
    ``locations=dict(type='mmkd.DenseLocations', select='positives')``.

    Args:
        temperature: T, a number.
        bin_mean: Whether to divide by the number of bins, as the authors' code does.
        loss_weight: Factor on the result.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    def __init__(
        self,
        temperature: float = 10.0,
        bin_mean: bool = True,
        loss_weight: float = 0.25,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, loss_weight=loss_weight, **arguments)
        if not isinstance(temperature, int | float):
            raise ValueError("LDLoss takes a number as its temperature.")
        self.bin_mean = bin_mean

    def adapt(
        self, student_shapes: Sequence[tuple[int, ...]], teacher_shapes: Sequence[tuple[int, ...]]
    ) -> None:
        """Check that both inputs can be distributions of edges, (R, 4 (n + 1)) each."""
        shapes = [*student_shapes, *teacher_shapes]
        if any(len(shape) != 2 for shape in shapes):
            raise ValueError(
                "LDLoss compares boxes at locations: give its term "
                "locations=dict(type='mmkd.DenseLocations')."
            )
        widths = {shape[-1] for shape in shapes}
        width = widths.pop()
        if widths or width % EDGES or width == EDGES:
            widths.add(width)
            raise ValueError(
                "LDLoss compares distributions of the four edges of a box, 4 (n + 1) numbers with "
                f"the same n in both networks, but a location has {sorted(widths)}. It fits heads "
                "such as GFLHead, whose box output is 'bbox_head[1][:]'; distil the boxes of other "
                "heads by mmkd.HintLoss."
            )

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss, see :meth:`LogitLoss.forward`, from edges (R, 4 (n + 1))."""
        student, teacher = (
            logits.unflatten(-1, (EDGES, -1)) for logits in (student_logits, teacher_logits)
        )
        return super().forward(student, teacher, labels, weight, avg_factor, reduction_override)

    def divergence(self, pair: Tempered) -> Tensor:
        bins = pair.student.shape[-1] if self.bin_mean else 1
        return kd_divergence(pair).mean(-1) / bins
