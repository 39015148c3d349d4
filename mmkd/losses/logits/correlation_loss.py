"""Differences of the class and the batch correlation of predictions (MLKD)."""

from torch import Tensor

from mmkd.losses.base.logit_loss import Temperature
from mmkd.losses.base.relational_loss import RelationalLogitLoss
from mmkd.registry import MODELS


def class_correlation(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return :math:`\|P_t^TP_t - P_s^TP_s\|^2_F / C`, 0-dim.

    Args:
        student: Probabilities :math:`P_s`, shape (N, C).
        teacher: Probabilities :math:`P_t`, shape (N, C).
        mask: Classes whose columns of the C by C difference count, shape (C,): 1, or 0 for the
            others. C stays the number of all.
    """
    difference = teacher.T @ teacher - student.T @ student
    return _squares(difference, mask) / student.shape[1]


def batch_correlation(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return :math:`\|P_tP_t^T - P_sP_s^T\|^2_F / N`, 0-dim.

    Args:
        student: Probabilities :math:`P_s`, shape (N, C).
        teacher: Probabilities :math:`P_t`, shape (N, C).
        mask: Samples whose columns of the N by N difference count, shape (N,): 1, or 0 for the
            others. N stays the number of all.
    """
    difference = teacher @ teacher.T - student @ student.T
    return _squares(difference, mask) / student.shape[0]


def _squares(difference: Tensor, mask: Tensor | None) -> Tensor:
    columns = difference.square().sum(0)
    return (columns if mask is None else columns * mask).sum()


@MODELS.register_module()
class ClassCorrelationLoss(RelationalLogitLoss):
    r"""Difference of the class-by-class Gram matrices, :math:`\|P_t^TP_t - P_s^TP_s\|^2_F / C`.

    Multi-Level Logit Distillation (Jin, Wang, Lin; CVPR 2023), class level. P are the tempered
    probabilities (N, C). The squared temperature does not enter, as in the authors' code.
    """

    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        return class_correlation(student, teacher)


@MODELS.register_module()
class BatchCorrelationLoss(RelationalLogitLoss):
    r"""Difference of the sample-by-sample Gram matrices, :math:`\|P_tP_t^T - P_sP_s^T\|^2_F / N`.

    Multi-Level Logit Distillation (Jin, Wang, Lin; CVPR 2023), batch level. P are the tempered
    probabilities (N, C). The squared temperature does not enter, as in the authors' code.
    """

    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        return batch_correlation(student, teacher)
