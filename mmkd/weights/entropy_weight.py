"""Sample weights from the teacher's entropy (ER-KD)."""

import torch
from torch import Tensor, nn

from mmkd.logits.entropy import entropy
from mmkd.registry import MODELS


@MODELS.register_module()
class EntropyWeight(nn.Module):
    r"""Weigh each sample by the entropy of the teacher's tempered softmax output.

    Knowledge From the Dark Side: Entropy-Reweighted Knowledge Distillation for Balanced Knowledge
    Transfer (Su et al., 2023), :math:`w_n = H(\sigma(z_{t,n}/T'))`: samples on which the teacher is
    uncertain weigh more. Weights are not normalised, they run from 0 to ln C.

    Args:
        temperature: :math:`T'`, at which the entropy is taken.
        batch_mean: Give all samples the mean weight of the batch. The authors' released code of
            ER-DKD computes this: its product of (N,) losses and (N, 1) entropies broadcasts to
            (N, N), whose mean is the product of the two means.
    """

    def __init__(self, temperature: float = 4.0, batch_mean: bool = False) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        self.temperature, self.batch_mean = temperature, batch_mean

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, shape (N,), detached, from raw logits (N, C).

        The student's logits are not read; every sample weight has this signature.
        """
        weight = entropy(teacher_logits, self.temperature)
        return weight.mean().expand_as(weight) if self.batch_mean else weight
