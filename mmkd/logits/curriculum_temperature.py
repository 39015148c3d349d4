"""Temperature trained adversarially to the student (CTKD)."""

import math

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class CurriculumTemperature(nn.Module):
    r"""One learnable temperature, trained to make the student's loss larger.

    Curriculum Temperature for Knowledge Distillation (Li et al., AAAI 2023), with one temperature
    for all samples: :math:`T = start + range\,\sigma(\theta)`. Its gradient is reversed and scaled
    by a factor that rises along a cosine to 1 over the first epochs, so that distillation becomes
    harder step by step. As in the released code, the first epoch counts as 1: the temperature
    already trains in it, and the reversal has its full size in the last of the ``epochs``.

    The parameter is named ``raw_temperature``; use that name in the ``custom_keys`` of a
    ``paramwise_cfg``.

    Args:
        init: Initial :math:`\theta`.
        start: Lower limit of the temperature, above 0.
        range: Distance from the lower to the upper limit of the temperature.
        epochs: Number of epochs over which the reversed gradient grows to its full size.
    """

    def __init__(
        self, init: float = 1.0, start: float = 1.0, range: float = 20.0, epochs: int = 10
    ) -> None:
        super().__init__()
        if start <= 0 or range < 0:
            raise ValueError(f"The temperature must be positive: start={start}, range={range}.")
        self.start, self.range, self.epochs = start, range, epochs
        self.raw_temperature = nn.Parameter(torch.tensor(init))

    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the temperature, 0-dim. The logits are not read."""
        value = self.raw_temperature.detach()
        # This has the value of theta and -factor times its gradient.
        theta = value - self._reversal() * (self.raw_temperature - value)
        return self.start + self.range * theta.sigmoid()

    def statistics(self) -> dict[str, Tensor]:
        """Return the temperature for the log."""
        return {"temperature": self.start + self.range * self.raw_temperature.detach().sigmoid()}

    def _reversal(self) -> float:
        """Return the size of the reversed gradient in the current epoch, above 0 and up to 1."""
        epoch = MessageHub.get_current_instance().get_info("epoch", 0) + 1
        if epoch >= self.epochs:
            return 1.0
        return (1 - math.cos(math.pi * epoch / self.epochs)) / 2
