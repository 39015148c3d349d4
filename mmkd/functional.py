"""Losses on logits and entropy weights as pure functions of raw logits.

Each loss and weight computes the same as the registered class of that name, ``kd`` as ``KDLoss``::

    loss = kd(student_logits, teacher_logits, temperature=4.0)
    weight = entropy_weight(student_logits, teacher_logits)          # ER-KD
    loss = dkd(student_logits, teacher_logits, labels, beta=8.0, weight=weight)

Logits have shape (N, C), labels are class indices (N,), and weights have shape (N,). The settings
of a class, such as ``temperature``, are keyword arguments. No gradient flows into the teacher's
logits.

Logits may have any shape (..., C), such as (B, L, C) of the tokens of sentences. N then counts all
places, and labels, weights and results have the shape (...). A ``mask`` of that shape selects the
places that count: a mean is over these, and the result at any other place is 0::

    mask = labels != -100
    loss = kd(student_logits, teacher_logits, mask=mask)
"""

from typing import Any, Protocol

from torch import Tensor, nn

from mmkd.contracts import traits_of
from mmkd.logits.entropy import binary_entropy, entropy
from mmkd.losses import (
    BatchCorrelationLoss,
    BinaryKDLoss,
    ClassCorrelationLoss,
    CRLDLoss,
    DISTLoss,
    DKDLoss,
    EntropyGatedLoss,
    JensenShannonLoss,
    KDLoss,
    LDLoss,
    LogitLoss,
    MLKDLoss,
    NCKDLoss,
    NKDLoss,
    OFALoss,
    QualityFocalKDLoss,
    ReverseKLLoss,
    RLDLoss,
    SkewKLLoss,
    TCKDLoss,
    TTMLoss,
    WKDLoss,
)
from mmkd.weights import (
    ConfidenceWeight,
    EBKDWeight,
    EntropyAdaptiveWeight,
    EntropyTeacherWeight,
    EntropyWeight,
    PowerSumWeight,
    WSLDWeight,
)

__all__ = [
    "batch_correlation",
    "binary_entropy",
    "binary_kd",
    "class_correlation",
    "confidence_weight",
    "crld",
    "dist",
    "dkd",
    "ebkd_weight",
    "entropy",
    "entropy_adaptive_weight",
    "entropy_gated",
    "entropy_teacher_weight",
    "entropy_weight",
    "jensen_shannon",
    "kd",
    "ld",
    "mlkd",
    "nckd",
    "nkd",
    "ofa",
    "power_sum_weight",
    "quality_focal_kd",
    "reverse_kl",
    "rld",
    "skew_kl",
    "tckd",
    "ttm",
    "wkd",
    "wsld_weight",
]


class LossFunction(Protocol):
    """Loss on raw logits."""

    def __call__(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        *,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: str = "mean",
        **settings: Any,
    ) -> Tensor:
        """Return the loss, 0-dim, or shape (N,) for ``reduction='none'``."""


class WeightFunction(Protocol):
    """Sample or teacher weight computed from raw logits."""

    def __call__(
        self,
        student_logits: Tensor,
        teacher_logits: Any,
        labels: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        **settings: Any,
    ) -> Tensor:
        """Return the weight of each sample, shape (N,); for K teachers' logits, shape (K, N)."""


class _Places:
    """Selected places of logits (..., C), as rows, and the way back.

    Args:
        logits: Shape (..., C); only the shape is read.
        mask: Whether each place counts, shape (...), or ``None`` for all.

    Raises:
        ValueError: If the mask has a different shape.
    """

    def __init__(self, logits: Tensor, mask: Tensor | None) -> None:
        self.shape = logits.shape[:-1]
        if mask is not None and mask.shape != self.shape:
            raise ValueError(
                f"The mask has shape {tuple(mask.shape)}, and the logits have places of shape "
                f"{tuple(self.shape)}: give one truth value for each."
            )
        self.mask = None if mask is None else mask.bool().flatten()

    def rows(self, values: Tensor | None, *last: int) -> Any:
        """Return values (..., *last) of the selected places as (N, *last)."""
        if values is None:
            return None
        rows = values.reshape(-1, *last)
        return rows if self.mask is None else rows[self.mask]

    def back(self, values: Tensor) -> Tensor:
        """Return values (..., N) in the shape of the places, with 0 at places that do not count."""
        if self.mask is not None:
            full = values.new_zeros(*values.shape[:-1], len(self.mask))
            full[..., self.mask] = values
            values = full
        return values.reshape(*values.shape[:-1], *self.shape)


def _loss(kind: type[LogitLoss]) -> LossFunction:
    def function(
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        *,
        weight: Tensor | None = None,
        mask: Tensor | None = None,
        reduction: str = "mean",
        **settings: Any,
    ) -> Tensor:
        places = _Places(student_logits, mask)
        loss: Tensor = kind(**settings)(
            places.rows(student_logits, student_logits.shape[-1]),
            places.rows(teacher_logits, teacher_logits.shape[-1]),
            labels=places.rows(labels),
            weight=places.rows(weight),
            reduction_override=reduction,
        )
        return places.back(loss) if reduction == "none" else loss

    function.__doc__ = kind.__doc__
    return function


def _weight(kind: type[nn.Module]) -> WeightFunction:
    def function(
        student_logits: Tensor,
        teacher_logits: Any,
        labels: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        **settings: Any,
    ) -> Tensor:
        part, places = kind(**settings), _Places(student_logits, mask)
        classes = student_logits.shape[-1]
        given = {"labels": places.rows(labels)} if traits_of(part).needs_labels else {}
        if isinstance(teacher_logits, Tensor):
            theirs = places.rows(teacher_logits, classes)
        else:
            theirs = [places.rows(logits, classes) for logits in teacher_logits]
        weight: Tensor = part(places.rows(student_logits, classes), theirs, **given)
        return places.back(weight)

    function.__doc__ = kind.__doc__
    return function


kd = _loss(KDLoss)
binary_kd = _loss(BinaryKDLoss)
dkd = _loss(DKDLoss)
tckd = _loss(TCKDLoss)
nckd = _loss(NCKDLoss)
dist = _loss(DISTLoss)
mlkd = _loss(MLKDLoss)
nkd = _loss(NKDLoss)
quality_focal_kd = _loss(QualityFocalKDLoss)
ttm = _loss(TTMLoss)
rld = _loss(RLDLoss)
crld = _loss(CRLDLoss)
wkd = _loss(WKDLoss)
ofa = _loss(OFALoss)
reverse_kl = _loss(ReverseKLLoss)
skew_kl = _loss(SkewKLLoss)
jensen_shannon = _loss(JensenShannonLoss)
entropy_gated = _loss(EntropyGatedLoss)
ld = _loss(LDLoss)
class_correlation = _loss(ClassCorrelationLoss)
batch_correlation = _loss(BatchCorrelationLoss)

entropy_weight = _weight(EntropyWeight)
entropy_adaptive_weight = _weight(EntropyAdaptiveWeight)
entropy_teacher_weight = _weight(EntropyTeacherWeight)
ebkd_weight = _weight(EBKDWeight)
confidence_weight = _weight(ConfidenceWeight)
power_sum_weight = _weight(PowerSumWeight)
wsld_weight = _weight(WSLDWeight)
