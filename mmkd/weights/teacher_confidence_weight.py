"""Sample weights that keep what the teacher is sure of."""

import torch
from torch import Tensor, nn

from mmkd.precision import full_precision
from mmkd.registry import MODELS


@MODELS.register_module()
class TeacherConfidenceWeight(nn.Module):
    """Weigh by 1 the samples to whose first class the teacher gives enough, the others by 0.

    A plain threshold of no paper's, as for learning boxes only where the teacher is sure of what it
    sees. A detector's background may be left out.

    Args:
        threshold: Least probability of the first class, in (0, 1].
        background: Whether the last class, which is background in a two-stage head, counts too.
    """

    def __init__(self, threshold: float = 0.5, background: bool = True) -> None:
        super().__init__()
        if not 0 < threshold <= 1:
            raise ValueError(f"The threshold is a probability in (0, 1], not {threshold}.")
        self.threshold, self.background = threshold, background

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, 0 or 1, shape (N,), from raw logits (N, C)."""
        probability = full_precision(teacher_logits).softmax(-1)
        counted = probability if self.background else probability[:, :-1]
        return (counted.amax(-1) >= self.threshold).to(probability.dtype)
