"""Base class of the sample-wise temperatures of dynamic temperature distillation (DTD)."""

from abc import ABC, abstractmethod

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn


class DynamicTemperature(nn.Module, ABC):
    r"""A temperature for each sample, :math:`T_x = base + bias(\bar\omega - \omega_x)`, floored.

    Preparing Lessons: Improve Knowledge Distillation with Better Supervision (Wen, Lai, Qian;
    Neurocomputing 2021), dynamic temperature distillation. The harder a sample is
    (:math:`\omega_x`), the lower is its temperature, that is, the more discriminative its target.
    The floor is an interpretation: without it the temperature can become negative.

    Args:
        base: Mean temperature of the batch, before the floor.
        bias: Factor of the weights in the temperature.
        min: Floor of the temperature.
        all_processes: Whether :math:`\bar\omega` is the mean over the batches of all processes, not
            over the batch of each process.
    """

    per_sample = True

    def __init__(
        self,
        base: float = 10.0,
        bias: float = 40.0,
        min: float = 1.0,
        all_processes: bool = False,
    ) -> None:
        super().__init__()
        if min <= 0:
            raise ValueError(f"The floor of the temperature must be positive, not {min}.")
        self.base, self.bias, self.min = base, bias, min
        self.all_processes = all_processes
        self._last: Tensor | None = None

    def statistics(self) -> dict[str, Tensor]:
        """Return the temperatures of the last batch for the log, and the share at the floor."""
        last = self._last
        if last is None or not len(last):
            return {}
        return {
            "temperature": last.mean(),
            "temperature_std": last.std(correction=0),
            "at_floor": (last == self.min).float().mean(),
        }

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the temperature of each sample, shape (N,), detached, from logits (N, C)."""
        # The loss passes logits in float32 or wider.
        weight = self.hardness(student_logits, teacher_logits)
        mean = self._mean(weight) if self.all_processes else weight.mean()
        self._last = (self.base + self.bias * (mean - weight)).clamp(min=self.min)
        return self._last

    @abstractmethod
    def hardness(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        r"""Return :math:`\omega_x`, shape (N,), from logits (N, C)."""

    @staticmethod
    def _mean(weight: Tensor) -> Tensor:
        """Return the mean over all processes, which may have batches of different sizes."""
        total = torch.stack([weight.sum(), weight.new_tensor(len(weight))])
        all_reduce(total)
        return total[0] / total[1]
