"""The Jensen-Shannon divergence between tempered softmax outputs."""

import math

import torch
from torch import Tensor

from mmkd.losses import LogitLoss
from mmkd.registry import MODELS


@MODELS.register_module()
class JensenShannonLoss(LogitLoss):
    """Jensen-Shannon divergence, times the squared temperature.

    Divergence Measures Based on the Shannon Entropy (Lin, IEEE Transactions on Information Theory,
    1991).
    """

    def divergence(
        self,
        log_student: Tensor,
        log_teacher: Tensor,
        temperature: float | Tensor,
        labels: Tensor | None,
    ) -> Tensor:
        log_mean = torch.logaddexp(log_student, log_teacher) - math.log(2)
        terms = [log.exp() * (log - log_mean) for log in (log_student, log_teacher)]
        return (temperature**2 * (terms[0] + terms[1]) / 2).sum(-1)
