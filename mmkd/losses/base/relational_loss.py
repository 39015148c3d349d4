"""Base class of losses between the relations of student and teacher outputs."""

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from mmkd.contracts import traits_of
from mmkd.losses.base.logit_loss import LogitLoss, Temperature, Tempered


def check_one_temperature(loss: LogitLoss) -> None:
    """Refuse a temperature that differs from sample to sample.

    Raises:
        ValueError: If the loss's temperature module gives one value per sample.
    """
    if isinstance(loss.temperature, nn.Module) and traits_of(loss.temperature).per_sample:
        raise ValueError(
            f"{type(loss).__name__} compares relations between samples and needs one temperature "
            f"for all, but {type(loss.temperature).__name__} gives each its own."
        )


class RelationalLogitLoss(LogitLoss):
    """Base class of logit losses on relations between the samples of a batch.

    There is no loss of a single sample. A weight is therefore refused, by a term at build time and
    here; so is a temperature that differs from sample to sample. ``reduction`` has no meaning.

    Args:
        temperature: As in :class:`LogitLoss`, the same for all samples.
        **arguments: Arguments of :class:`LogitLoss`.

    Raises:
        ValueError: If the temperature differs from sample to sample.
    """

    relational = True

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
        """Compute the loss of the batch, a 0-dim tensor.

        Args:
            student_logits: Shape (N, C).
            teacher_logits: Shape (N, C). No gradient flows into them.
            labels: Class indices, shape (N,), for a target that needs them.
            weight: Must be ``None``; the argument exists because other logit losses have it, like
                the next two.
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
        return super().forward(student_logits, teacher_logits, labels)

    def divergence(self, pair: Tempered) -> Tensor:
        if not len(pair.student):
            return pair.student.sum()
        one: Temperature = pair.temperature
        if isinstance(one, Tensor):
            one = one.reshape(())
        return self.relation(pair.student.exp(), pair.teacher.exp(), one)

    @abstractmethod
    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        """Return the loss, 0-dim, from tempered probabilities (N, C) and one temperature."""
