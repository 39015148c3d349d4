"""Correction of the teacher's wrong predictions by a swap of probabilities (KA-PS)."""

import torch
from torch import Tensor

from mmkd.logits.knowledge_adjustment import KnowledgeAdjustment
from mmkd.registry import MODELS


@MODELS.register_module()
class ProbabilityShift(KnowledgeAdjustment):
    """Swap the probabilities of the predicted and of the true class if the teacher is wrong.

    Preparing Lessons: Improve Knowledge Distillation with Better Supervision (Wen, Lai, Qian;
    Neurocomputing 2021), knowledge adjustment by probability shift. Samples that the teacher
    classifies correctly keep their target.
    """

    def adjusted(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        true, predicted = labels[:, None], log_probabilities.argmax(-1, keepdim=True)
        swapped = torch.cat(
            [log_probabilities.gather(1, predicted), log_probabilities.gather(1, true)], dim=1
        )
        return log_probabilities.scatter(1, torch.cat([true, predicted], dim=1), swapped)
