"""Losses on logits and entropy weights as pure functions of raw logits.

Each function of this module computes what the registered class of the same name computes::

    loss = kd(student_logits, teacher_logits, temperature=4.0)
    weight = entropy_weight(student_logits, teacher_logits)          # ER-KD
    loss = dkd(student_logits, teacher_logits, labels, beta=8.0, weight=weight)

Logits have shape (N, C), labels are class indices (N,), and weights have shape (N,). The settings
of a class, such as ``temperature``, are keyword arguments. No gradient flows into the teacher's
logits.
"""

from typing import Any, Protocol

from torch import Tensor, nn

from mmkd.contracts import traits_of
from mmkd.logits.entropy import binary_entropy, entropy
from mmkd.losses import (
    BatchCorrelationLoss,
    BinaryKDLoss,
    ClassCorrelationLoss,
    DISTLoss,
    DKDLoss,
    KDLoss,
    LDLoss,
    LogitLoss,
    MLKDLoss,
    NCKDLoss,
    NKDLoss,
    TCKDLoss,
    TTMLoss,
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
    "dist",
    "dkd",
    "ebkd_weight",
    "entropy",
    "entropy_adaptive_weight",
    "entropy_teacher_weight",
    "entropy_weight",
    "kd",
    "ld",
    "mlkd",
    "nckd",
    "nkd",
    "power_sum_weight",
    "tckd",
    "ttm",
    "wsld_weight",
]


class LossFunction(Protocol):
    """A loss on raw logits."""

    def __call__(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        *,
        weight: Tensor | None = None,
        reduction: str = "mean",
        **settings: Any,
    ) -> Tensor:
        """Return the loss, 0-dim, or shape (N,) for ``reduction='none'``."""


class WeightFunction(Protocol):
    """A sample or teacher weight of raw logits."""

    def __call__(
        self,
        student_logits: Tensor,
        teacher_logits: Any,
        labels: Tensor | None = None,
        **settings: Any,
    ) -> Tensor:
        """Return the weight of each sample, shape (N,); of K teachers' logits, shape (K, N)."""


def _loss(kind: type[LogitLoss]) -> LossFunction:
    def function(
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        *,
        weight: Tensor | None = None,
        reduction: str = "mean",
        **settings: Any,
    ) -> Tensor:
        loss: Tensor = kind(**settings)(
            student_logits,
            teacher_logits,
            labels=labels,
            weight=weight,
            reduction_override=reduction,
        )
        return loss

    function.__doc__ = kind.__doc__
    return function


def _weight(kind: type[nn.Module]) -> WeightFunction:
    def function(
        student_logits: Tensor,
        teacher_logits: Any,
        labels: Tensor | None = None,
        **settings: Any,
    ) -> Tensor:
        part = kind(**settings)
        given = {"labels": labels} if traits_of(part).needs_labels else {}
        weight: Tensor = part(student_logits, teacher_logits, **given)
        return weight

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
ttm = _loss(TTMLoss)
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
