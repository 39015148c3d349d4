"""Knowledge distillation by tempered KL divergence (Hinton et al.)."""

from collections.abc import Callable

from torch import Tensor

from mmkd.losses.logit_loss import LogitLoss, Temperature
from mmkd.registry import MODELS

Target = Callable[[Tensor, Tensor | None], Tensor]


def kd_divergence(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: Temperature,
    labels: Tensor | None = None,
    target: Target | None = None,
) -> Tensor:
    r"""Return :math:`T^2\,KL(\sigma(z_t/T)\,\|\,\sigma(z_s/T))` of each sample, (N,), in nats.

    Args:
        student_logits: :math:`z_s`, shape (N, C).
        teacher_logits: :math:`z_t`, shape (N, C).
        temperature: T, a number or shape (N, 1).
        labels: Class indices, shape (N,), for ``target``.
        target: Adjusts the teacher's tempered log-probabilities, (N, C) -> (N, C).
    """
    log_student = (student_logits / temperature).log_softmax(-1)
    log_teacher = (teacher_logits / temperature).log_softmax(-1)
    if target is not None:
        log_teacher = target(log_teacher, labels)
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
        self, student: Tensor, teacher: Tensor, temperature: Temperature, labels: Tensor | None
    ) -> Tensor:
        return kd_divergence(student, teacher, temperature, labels, self.target)
