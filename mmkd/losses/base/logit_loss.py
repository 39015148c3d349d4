"""Base class of the losses between logits: the pipeline up to the divergence."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision, reduce_loss
from mmkd.contracts import traits_of
from mmkd.registry import MODELS

Config = dict[str, Any]
Temperature = float | Tensor


class Tempered(NamedTuple):
    """The two sides that a divergence compares, after transforms, temperature and target.

    Attributes:
        student: The student's log-probabilities, shape (N, C).
        teacher: The teacher's log-probabilities, shape (N, C).
        temperature: The teacher's temperature: a number, or a tensor of shape (N, 1) or (1, 1).
        labels: Class indices, shape (N,), if the batch has them.
        student_temperature: The student's temperature, if it differs from the teacher's.
    """

    student: Tensor
    teacher: Tensor
    temperature: Temperature = 1.0
    labels: Tensor | None = None
    student_temperature: Temperature | None = None

    def untempered(self) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities of student and teacher at temperature 1, (N, C) each."""
        own = self.temperature if self.student_temperature is None else self.student_temperature
        # The temperature times the log-probabilities differs from the raw logits by one constant
        # per sample, which the softmax removes.
        return (
            (self.student * own).log_softmax(-1),
            (self.teacher * self.temperature).log_softmax(-1),
        )


def kd_divergence(pair: Tempered) -> Tensor:
    r"""Return :math:`T^2\,KL(\sigma(z_t/T)\,\|\,\sigma(z_s/T))` of each sample, (N,), in nats."""
    # One difference of logarithms, so that equal networks give exactly zero.
    difference = pair.teacher - pair.student
    return (pair.temperature**2 * pair.teacher.exp() * difference).sum(-1)


def _build(parts: Sequence[Config | nn.Module]) -> list[nn.Module]:
    return [part if isinstance(part, nn.Module) else MODELS.build(part) for part in parts]


def _divisors(
    temperature: nn.Module, student: Tensor, teacher: Tensor
) -> tuple[Temperature, Temperature]:
    """Return the divisors of the student's and the teacher's logits, (N, 1) or (1, 1) each."""
    found = temperature(student, teacher)
    own, theirs = found if isinstance(found, tuple) else (found, found)
    return own.reshape(-1, 1), theirs.reshape(-1, 1)


def _fitted(transform: nn.Module) -> bool:
    return traits_of(transform).needs_target


class LogitLoss(nn.Module):
    """Base class of losses on logits: transforms, temperature, target, :meth:`divergence`, weights.

    The divergence is the KL divergence of knowledge distillation; other losses override it.

    ``transforms`` act on both sides, then ``student_transforms`` act on the student's logits and
    ``teacher_transforms`` on the teacher's; the temperature sees the transformed logits. The
    arithmetic is float32, or float64 if the logits are.

    A student transform with ``needs_target = True`` is fitted to the target that the student is
    compared with. It must come last in ``student_transforms``, and it runs after the target was
    computed. It is called with the student's logits (N, C), not yet divided by the temperature, the
    log-probabilities of the target (N, C) and the student's temperature.

    Args:
        temperature: Softmax temperature: a positive number, or the config of a module that computes
            it from both logits. Such a module returns a 0-dim tensor, one value per sample, shape
            (N,), or a pair of these for the student and the teacher. A loss with a factor of the
            squared temperature then takes the teacher's.
        transforms: Configs of logit transforms, (N, C) -> (N, C), for both sides.
        student_transforms: Configs of transforms for the student's logits alone.
        teacher_transforms: Configs of transforms for the teacher's logits alone.
        target: Config of a module that adjusts the teacher's tempered log-probabilities (N, C); it
            is called with them and the labels.
        loss_weight: Factor on the result.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Attributes:
        needs_labels: Whether the loss needs class indices.
        relational: Whether it compares relations between samples, and so has no loss of a single
            sample that could be weighed.
        activation: The activation that the loss applies to the logits, ``'softmax'`` or
            ``'sigmoid'``. It must be the one that the student's head is trained with.
        log_probabilities: Turns tempered logits (N, C) into log-probabilities.
        divergence: Returns the loss of each sample, shape (N,), from a :class:`Tempered` pair.

    Raises:
        ValueError: If the temperature is not positive, or a transform that is fitted to the target
            is not among the last of the ``student_transforms``.
    """

    needs_labels = False
    relational = False
    activation = "softmax"
    # Turns logits (N, C), already divided by the temperature, into log-probabilities (N, C).
    log_probabilities: Callable[[Tensor], Tensor] = staticmethod(partial(torch.log_softmax, dim=-1))
    # Turns tempered log-probabilities into the loss of each sample, (N,).
    divergence: Callable[[Tempered], Tensor] = staticmethod(kd_divergence)

    def __init__(
        self,
        temperature: float | Config | nn.Module = 4.0,
        transforms: Sequence[Config | nn.Module] = (),
        student_transforms: Sequence[Config | nn.Module] = (),
        teacher_transforms: Sequence[Config | nn.Module] = (),
        target: Config | nn.Module | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if isinstance(temperature, str) or (
            isinstance(temperature, int | float) and temperature <= 0
        ):
            raise ValueError(
                f"The temperature must be a positive number or the config of a module, not "
                f"{temperature!r}."
            )
        self.temperature = (
            MODELS.build(temperature) if isinstance(temperature, dict) else temperature
        )
        own = _build(student_transforms)
        first = [transform for transform in own if not _fitted(transform)]
        self.transforms = nn.Sequential(*_build(transforms))
        self.student_transforms = nn.Sequential(*first)
        self.fitted_transforms = nn.ModuleList(own[len(first) :])
        self.teacher_transforms = nn.Sequential(*_build(teacher_transforms))
        if any(map(_fitted, [*own[: len(first)], *self.transforms, *self.teacher_transforms])):
            raise ValueError(
                "A transform that is fitted to the target acts on the student's logits alone and "
                "after all others: put it last in `student_transforms`."
            )
        self.target = MODELS.build(target) if isinstance(target, dict) else target
        self.loss_weight = loss_weight
        self.reduction = reduction
        if self.target is not None and traits_of(self.target).needs_labels:
            self.needs_labels = True

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
            labels: Class indices, shape (N,), for losses whose ``needs_labels`` is true.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.

        Returns:
            A 0-dim tensor, or shape (N,) for ``reduction_override='none'``.

        Raises:
            ValueError: If the logits differ in shape, or labels that the loss needs are missing.
        """
        with torch.autocast(student_logits.device.type, enabled=False):
            pair = self.transformed(student_logits, teacher_logits, labels)
            loss = self.divergence(self.tempered(*pair, self.temperature, labels))
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def transformed(
        self, student_logits: Tensor, teacher_logits: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return both logits (N, C) after all transforms except those that are fitted to a target.

        Raises:
            ValueError: If the logits cannot be compared, or labels that the loss needs are missing.
        """
        if student_logits.shape != teacher_logits.shape or (self.needs_labels and labels is None):
            self._refuse(student_logits, teacher_logits)
        student = self.transforms(full_precision(student_logits))
        teacher = self.transforms(full_precision(teacher_logits.detach()))
        return self.student_transforms(student), self.teacher_transforms(teacher)

    def tempered(
        self,
        student: Tensor,
        teacher: Tensor,
        temperature: Temperature | nn.Module,
        labels: Tensor | None,
    ) -> Tempered:
        """Return the input of :meth:`divergence`, from transformed logits (N, C)."""
        own: Temperature
        divisor: Temperature
        if isinstance(temperature, nn.Module):
            own, divisor = _divisors(temperature, student, teacher)
        else:
            own = divisor = temperature
        log_teacher = self.log_probabilities(teacher / divisor)
        if self.target is not None:
            log_teacher = self.target(log_teacher, labels)
        for transform in self.fitted_transforms:
            student = transform(student, log_teacher, own)
        log_student = self.log_probabilities(student / own)
        return Tempered(log_student, log_teacher, divisor, labels, own)

    def _refuse(self, student_logits: Tensor, teacher_logits: Tensor) -> NoReturn:
        """Raise an error that says why the logits cannot be compared."""
        if student_logits.shape != teacher_logits.shape:
            raise ValueError(
                f"Student logits have shape {tuple(student_logits.shape)}, teacher logits "
                f"{tuple(teacher_logits.shape)}: a logit loss needs the same samples and classes. "
                "For a teacher with other classes give it a `class_map`."
            )
        raise ValueError(
            f"{type(self).__name__} needs labels (class indices), but the batch has none: "
            "batch augmentations such as Mixup and CutMix leave only soft labels."
        )
