"""Correction of the teacher's wrong predictions by smoothed labels (KA-LSR)."""

import math

import torch
from torch import Tensor

from mmkd.logits.knowledge_adjustment import KnowledgeAdjustment
from mmkd.registry import MODELS


@MODELS.register_module()
class LabelSmoothReplace(KnowledgeAdjustment):
    r"""Replace the target by the smoothed label if the teacher is wrong.

    Preparing Lessons: Improve Knowledge Distillation with Better Supervision (Wen, Lai, Qian;
    Neurocomputing 2021), knowledge adjustment by label smoothing:
    :math:`(1-\varepsilon)[k=y] + \varepsilon/C`. Samples that the teacher classifies correctly keep
    their target. The default of ``epsilon`` is an interpretation: with 100 classes it gives the
    smoothed label about the entropy of a target tempered at 20.

    Args:
        epsilon: :math:`\varepsilon`, above 0 and at most 1, the share that is spread over all
            classes.
    """

    def __init__(self, epsilon: float = 0.985) -> None:
        super().__init__()
        if not 0 < epsilon <= 1:
            raise ValueError(f"epsilon must be above 0 and at most 1, not {epsilon}.")
        self.epsilon = epsilon

    def adjusted(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        floor = self.epsilon / log_probabilities.shape[-1]
        smoothed = torch.full_like(log_probabilities, math.log(floor))
        return smoothed.scatter_(1, labels[:, None], math.log(1 - self.epsilon + floor))
