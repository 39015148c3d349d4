"""Knowledge distillation by tempered KL divergence (Hinton et al.)."""

from torch import Tensor

from mmkd.losses.logit_loss import LogitLoss, Temperature
from mmkd.registry import MODELS


def kd_divergence(log_student: Tensor, log_teacher: Tensor, temperature: Temperature) -> Tensor:
    r"""Return :math:`T^2\,KL(\sigma(z_t/T)\,\|\,\sigma(z_s/T))` of each sample, (N,), in nats.

    Args:
        log_student: :math:`\ln\sigma(z_s/T)`, shape (N, C).
        log_teacher: :math:`\ln\sigma(z_t/T)`, shape (N, C).
        temperature: T, a number or shape (N, 1).
    """
    # One difference of logarithms, so that equal networks give exactly zero.
    return (temperature**2 * log_teacher.exp() * (log_teacher - log_student)).sum(-1)


@MODELS.register_module()
class KDLoss(LogitLoss):
    """KL divergence between tempered softmax outputs, times the squared temperature.

    Distilling the Knowledge in a Neural Network (Hinton, Vinyals, Dean; NIPS workshop 2014), with
    the plug-ins of :class:`LogitLoss`: a logit transform, a temperature module or an adjusted
    target each makes another method of it.
    """

    def divergence(
        self,
        log_student: Tensor,
        log_teacher: Tensor,
        temperature: Temperature,
        labels: Tensor | None,
    ) -> Tensor:
        return kd_divergence(log_student, log_teacher, temperature)
