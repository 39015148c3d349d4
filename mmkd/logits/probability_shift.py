"""Correcting the teacher's wrong predictions by a swap of probabilities (KA-PS)."""

import torch
from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class ProbabilityShift(nn.Module):
    """Swap the probabilities of the predicted and of the true class where the teacher is wrong.

    Preparing Lessons: Improve Knowledge Distillation with Better Supervision (Wen, Lai, Qian;
    Neurocomputing 2021), knowledge adjustment by probability shift. Samples that the teacher
    classifies correctly keep their target.
    """

    needs_labels = True

    def forward(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        """Return the adjusted log-probabilities.

        Args:
            log_probabilities: The teacher's, tempered, shape (N, C).
            labels: Class indices, shape (N,).
        """
        true, predicted = labels[:, None], log_probabilities.argmax(-1, keepdim=True)
        # Where the teacher is right the two are one entry, and the swap changes nothing.
        swapped = torch.cat(
            [log_probabilities.gather(1, predicted), log_probabilities.gather(1, true)], dim=1
        )
        return log_probabilities.scatter(1, torch.cat([true, predicted], dim=1), swapped)
