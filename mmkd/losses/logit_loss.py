"""What every loss between student and teacher logits shares: the pipeline before the divergence."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.losses.reduction import reduce_loss
from mmkd.registry import MODELS

Config = dict[str, Any]
Temperature = float | Tensor


def _chain(transforms: Sequence[Config | nn.Module]) -> nn.Sequential:
    return nn.Sequential(*(t if isinstance(t, nn.Module) else MODELS.build(t) for t in transforms))


class LogitLoss(nn.Module, ABC):
    """Base class of losses on logits: transforms, temperature, :meth:`divergence`, weights.

    ``transforms`` act on both sides, then ``student_transforms`` and ``teacher_transforms`` on
    theirs; the temperature sees the transformed logits. The arithmetic is float32, or float64 if
    the logits are.

    Args:
        temperature: Softmax temperature, a positive number or the config of a module that computes
            it from both logits: a 0-dim tensor or one value per sample, shape (N,).
        transforms: Configs of logit transforms, (N, C) -> (N, C), for both sides.
        student_transforms: The same for the student's logits alone.
        teacher_transforms: The same for the teacher's logits alone.
        target: Config of a module that adjusts the teacher's tempered log-probabilities (N, C),
            given the labels.
        loss_weight: Factor on the result.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.
    """

    needs_labels = False

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
        if isinstance(temperature, int | float) and temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        self.temperature = (
            MODELS.build(temperature) if isinstance(temperature, dict) else temperature
        )
        self.transforms = _chain(transforms)
        self.student_transforms = _chain(student_transforms)
        self.teacher_transforms = _chain(teacher_transforms)
        self.target = MODELS.build(target) if isinstance(target, dict) else target
        self.loss_weight = loss_weight
        self.reduction = reduction
        if self.target is not None and getattr(self.target, "needs_labels", False):
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
            avg_factor: What a mean divides by in place of N.
            reduction_override: Used in place of ``reduction``.

        Returns:
            A 0-dim tensor, or shape (N,) for ``reduction_override='none'``.
        """
        if student_logits.shape != teacher_logits.shape:
            raise ValueError(
                f"Student logits have shape {tuple(student_logits.shape)}, teacher logits "
                f"{tuple(teacher_logits.shape)}: a logit loss needs the same samples and classes. "
                "For a teacher with other classes give it a `class_map`."
            )
        if self.needs_labels and labels is None:
            raise ValueError(
                f"{type(self).__name__} needs labels (class indices), but the batch has none: "
                "batch augmentations such as Mixup and CutMix leave only soft labels."
            )
        # Half precision is too coarse for a softmax; float64 stays, for checks against references.
        wide = torch.promote_types(student_logits.dtype, torch.float32)
        student = self.student_transforms(self.transforms(student_logits.to(wide)))
        teacher = self.teacher_transforms(self.transforms(teacher_logits.detach().to(wide)))
        temperature = self.temperature
        if isinstance(temperature, nn.Module):
            temperature = temperature(student, teacher).reshape(-1, 1)
        loss = self.divergence(student, teacher, temperature, labels)
        return self.loss_weight * reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor
        )

    @abstractmethod
    def divergence(
        self, student: Tensor, teacher: Tensor, temperature: Temperature, labels: Tensor | None
    ) -> Tensor:
        """Return the loss of each sample, shape (N,), from transformed logits (N, C).

        ``temperature`` is a number, or a tensor of shape (N, 1) or (1, 1).
        """
