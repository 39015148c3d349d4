"""Losses on the class and the batch correlation of predictions (MLKD)."""

from torch import Tensor

from mmkd.losses.base.logit_loss import Temperature
from mmkd.losses.base.relational_loss import RelationalLogitLoss
from mmkd.registry import MODELS


def class_correlation(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return :math:`\|P_t^TP_t - P_s^TP_s\|^2_F / C`, 0-dim.

    Args:
        student: Probabilities :math:`P_s`, shape (N, C).
        teacher: Probabilities :math:`P_t`, shape (N, C).
        mask: 1 for classes whose columns of the C by C difference count, else 0, shape (C,). The
            divisor stays the number C of all classes.
    """
    difference = teacher.T @ teacher - student.T @ student
    return _squares(difference, mask) / student.shape[1]


def batch_correlation(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return :math:`\|P_tP_t^T - P_sP_s^T\|^2_F / N`, 0-dim.

    Args:
        student: Probabilities :math:`P_s`, shape (N, C).
        teacher: Probabilities :math:`P_t`, shape (N, C).
        mask: 1 for samples whose columns of the N by N difference count, else 0, shape (N,). The
            divisor stays the number N of all samples.
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
    probabilities (N, C). The loss has no factor of the squared temperature, as in the authors'
    code.
    """

    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        return class_correlation(student, teacher)


@MODELS.register_module()
class BatchCorrelationLoss(RelationalLogitLoss):
    r"""Difference of the sample-by-sample Gram matrices, :math:`\|P_tP_t^T - P_sP_s^T\|^2_F / N`.

    Multi-Level Logit Distillation (Jin, Wang, Lin; CVPR 2023), batch level. P are the tempered
    probabilities (N, C). The loss has no factor of the squared temperature, as in the authors'
    code.
    """

    def relation(self, student: Tensor, teacher: Tensor, temperature: Temperature) -> Tensor:
        return batch_correlation(student, teacher)
