"""Distillation by the reverse KL divergence."""

from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class ReverseKLLoss(LogitLoss):
    r"""KL divergence :math:`T^2\,KL(\sigma(z_s/T)\,\|\,\sigma(z_t/T))`.

    MiniLLM: Knowledge Distillation of Large Language Models (Gu et al., ICLR 2024) argues for this
    direction: the student keeps to the classes that the teacher finds likely, and need not cover
    all of them.
    """

    def divergence(self, pair: Tempered) -> Tensor:
        return kd_divergence(Tempered(pair.teacher, pair.student, pair.temperature))
