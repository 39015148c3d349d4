"""Base class of losses with a part per sample and a part between samples (DIST, MLKD)."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.logit_loss import LogitLoss
from mmkd.losses.base.relational_loss import check_one_temperature


class PartlyRelationalLogitLoss(LogitLoss):
    """Base class of logit losses that are a mean over samples plus a relation between samples.

    The loss is ``mean(weight * values) + relation``: a sample weight multiplies the losses of the
    samples, as ER-KD and EA-KD weigh such losses, and leaves the relation unchanged.

    ``reduction_override='none'`` gives shape (N,): ``weight * values + relation``, the relation
    added to each sample, so that the mean is the loss. ``'sum'`` gives the sum of these.

    Args:
        temperature: As in :class:`LogitLoss`, the same for all samples.
        **arguments: Arguments of :class:`LogitLoss`.

    Attributes:
        weighable: Whether a sample weight has a meaning although the loss is ``relational``.

    Raises:
        ValueError: If the temperature differs from sample to sample.
    """

    relational = True
    weighable = True

    def __init__(self, temperature: Any = 4.0, **arguments: Any) -> None:
        super().__init__(temperature, **arguments)
        check_one_temperature(self)

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            student_logits: Shape (N, C).
            teacher_logits: Shape (N, C). No gradient flows into them.
            labels: Class indices, shape (N,), for a target that needs them.
            weight: Sample weight, shape (N,), on the per-sample part.
            avg_factor: Must be ``None``; the argument exists because other logit losses have it.
            reduction_override: Used in place of ``reduction``.

        Returns:
            A 0-dim tensor, or shape (N,) for ``reduction_override='none'``.

        Raises:
            ValueError: If an ``avg_factor`` is passed.
        """
        if avg_factor is not None:
            raise ValueError(
                f"{type(self).__name__} compares relations between samples, which are no mean over "
                "them: it takes no `avg_factor`."
            )
        with torch.autocast(student_logits.device.type, enabled=False):
            values, relation = self.parts(student_logits, teacher_logits.detach(), labels)
        reduction = reduction_override or self.reduction
        if reduction == "mean":  # also of an empty batch
            return self.loss_weight * (reduce_loss(values, weight) + relation)
        samples = reduce_loss(values, weight, "none") + relation
        return reduce_loss(samples, None, reduction, factor=self.loss_weight)

    @abstractmethod
    def parts(
        self, student: Tensor, teacher: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss of each sample, (N,), and the relation, 0-dim, from raw logits (N, C).

        The per-sample losses come from :meth:`divergence`. For an empty batch both are 0, with a
        graph.
        """
