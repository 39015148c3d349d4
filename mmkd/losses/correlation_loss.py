"""Differences of the class and the batch correlation of predictions (MLKD)."""

from torch import Tensor

from mmkd.losses.logit_loss import Temperature
from mmkd.losses.relational_loss import RelationalLogitLoss
from mmkd.registry import MODELS


@MODELS.register_module()
class ClassCorrelationLoss(RelationalLogitLoss):
    r"""Difference of the class-by-class Gram matrices, :math:`\|P_t^TP_t - P_s^TP_s\|^2_F / C`.

    Multi-Level Logit Distillation (Jin, Wang, Lin; CVPR 2023), class level. P are the tempered
    probabilities (N, C). The squared temperature does not enter, as in the authors' code.
    """

    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        difference = teacher.T @ teacher - student.T @ student
        return difference.square().sum() / student.shape[1]


@MODELS.register_module()
class BatchCorrelationLoss(RelationalLogitLoss):
    r"""Difference of the sample-by-sample Gram matrices, :math:`\|P_tP_t^T - P_sP_s^T\|^2_F / N`.

    Multi-Level Logit Distillation (Jin, Wang, Lin; CVPR 2023), batch level. P are the tempered
    probabilities (N, C). The squared temperature does not enter, as in the authors' code.
    """

    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        difference = teacher @ teacher.T - student @ student.T
        return difference.square().sum() / student.shape[0]
