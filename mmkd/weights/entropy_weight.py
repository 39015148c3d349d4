"""Sample weights from the teacher's entropy (ER-KD)."""

from typing import Any

from torch import Tensor

from mmkd.registry import MODELS
from mmkd.weights.entropy_sample_weight import EntropySampleWeight


@MODELS.register_module()
class EntropyWeight(EntropySampleWeight):
    r"""Weigh each sample by the entropy of the teacher's tempered softmax output.

    Knowledge From the Dark Side: Entropy-Reweighted Knowledge Distillation for Balanced Knowledge
    Transfer (Su et al., 2023), :math:`w_n = H(\sigma(z_{t,n}/T'))`: samples on which the teacher is
    uncertain weigh more. Weights are not normalised, they run from 0 to ln C.

    Args:
        temperature: :math:`T'`, at which the entropy is taken.
        batch_mean: Give all samples the mean weight of the batch. The authors' released code of
            ER-DKD computes this: its product of (N,) losses and (N, 1) entropies broadcasts to
            (N, N), whose mean is the product of the two means.
        **arguments: Of :class:`EntropySampleWeight`: ``normalize``, ``renormalize`` and
            ``transforms``, for ablations; ``activation``, for other heads.
    """

    def __init__(
        self, temperature: float = 4.0, batch_mean: bool = False, **arguments: Any
    ) -> None:
        super().__init__(temperature, **arguments)
        if batch_mean and self.renormalize:
            raise ValueError(
                "batch_mean and renormalize together make every weight 1. Set one of them, or "
                "remove the sample weight."
            )
        self.batch_mean = batch_mean

    def weigh(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        weight = self.entropy(teacher_logits)
        return weight.mean().expand_as(weight) if self.batch_mean else weight
