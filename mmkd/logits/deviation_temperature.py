"""Temperatures from the spread of each sample's logits, one for each network (NormKD)."""

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class DeviationTemperature(nn.Module):
    r"""Temperature :math:`c\,std(z_s)` of the student, and :math:`c\,std(z_t)` of the teacher.

    NormKD: Normalized Logits for Knowledge Distillation (Chi et al., 2023), with
    :class:`mmkd.losses.KDLoss` or :class:`mmkd.losses.DKDLoss`. Each sample's tempered logits then
    have the same spread in both networks. As in the released code the loss is multiplied by the
    teacher's squared temperature, and the student's temperature passes a gradient on. Equal logits
    have no spread: their temperature is ``min``.

    Args:
        scale: Factor :math:`c`.
        min: Floor of the temperatures.
    """

    per_sample = True

    def __init__(self, scale: float = 2.0, min: float = 1e-6) -> None:
        super().__init__()
        if scale <= 0 or min <= 0:
            raise ValueError(f"scale and min must be positive, not {scale} and {min}.")
        self.scale, self.min = scale, min

    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the temperatures of student and teacher, shape (N,) each, from logits (N, C)."""
        return self._spread(student_logits), self._spread(teacher_logits)

    def _spread(self, logits: Tensor) -> Tensor:
        variance = logits.var(-1)
        # The 0 is replaced before the root, because the derivative of the root at 0 is infinite.
        low = variance <= (self.min / self.scale) ** 2
        deviation = self.scale * variance.masked_fill(low, 1.0).sqrt()
        return torch.where(low, self.min, deviation)
