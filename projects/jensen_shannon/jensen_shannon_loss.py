"""The Jensen-Shannon divergence between tempered softmax outputs."""

import math

import torch
from torch import Tensor

from mmkd.losses import LogitLoss, Tempered
from mmkd.registry import MODELS


@MODELS.register_module()
class JensenShannonLoss(LogitLoss):
    """Jensen-Shannon divergence, times the squared temperature.

    Divergence Measures Based on the Shannon Entropy (Lin, IEEE Transactions on Information Theory,
    1991).
    """

    def divergence(self, pair: Tempered) -> Tensor:
        log_mean = torch.logaddexp(pair.student, pair.teacher) - math.log(2)
        terms = [log.exp() * (log - log_mean) for log in (pair.student, pair.teacher)]
        return (pair.temperature**2 * (terms[0] + terms[1]) / 2).sum(-1)
