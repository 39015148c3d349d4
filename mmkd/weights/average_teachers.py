"""Equal weights for all teachers (AVER)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class AverageTeachers(nn.Module):
    """Weigh K teachers by 1 / K each: averaged multi-teacher distillation (AVER)."""

    @torch.no_grad()
    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Sequence[Tensor],
        labels: Tensor | None = None,
    ) -> Tensor:
        """Return the weight of each teacher for each sample, shape (K, N), detached.

        Args:
            student_logits: Shape (N, C).
            teacher_logits: K tensors, shape (N, C) each.
            labels: Class indices, shape (N,). Not read; every teacher weight has this signature.
        """
        shape = len(teacher_logits), len(student_logits)
        return torch.full(shape, 1 / len(teacher_logits), device=student_logits.device)
