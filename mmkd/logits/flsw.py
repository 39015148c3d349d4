"""Sample-wise temperature from the similarity of student and teacher logits (DTD-FLSW)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from mmkd.registry import MODELS


@MODELS.register_module()
class FLSWTemperature(nn.Module):
    r"""Focal-loss-style weights as temperatures: :math:`T_x = base + bias(\bar\omega - \omega_x)`.

    Preparing Lessons: Improve Knowledge Distillation with Better Supervision (Wen, Lai, Qian;
    Neurocomputing 2021), dynamic temperature distillation with
    :math:`\omega_x = (1 - \cos(z_s, z_t))^\gamma`: a sample on which the networks disagree gets a
    lower temperature, that is a more discriminative target. That the cosine is of raw logits and
    that there is a floor are interpretations.

    Args:
        base: Mean temperature of the batch, before the floor.
        bias: How far the weights move the temperature.
        gamma: Exponent of the weight.
        min: Floor of the temperature.
    """

    def __init__(
        self, base: float = 10.0, bias: float = 40.0, gamma: float = 1.0, min: float = 1.0
    ) -> None:
        super().__init__()
        if min <= 0:
            raise ValueError(f"The floor of the temperature must be positive, not {min}.")
        self.base, self.bias, self.gamma, self.min = base, bias, gamma, min

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the temperature of each sample, shape (N,), detached, from logits (N, C)."""
        # The loss hands over float32 at least.
        dissimilarity = (1 - cosine_similarity(student_logits, teacher_logits, dim=-1)).clamp(min=0)
        weight = dissimilarity**self.gamma
        return (self.base + self.bias * (weight.mean() - weight)).clamp(min=self.min)
