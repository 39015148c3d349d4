"""Amari's alpha divergence between tempered softmax outputs."""

from typing import Any

from torch import Tensor

from mmkd.losses import LogitLoss, Tempered
from mmkd.registry import MODELS


@MODELS.register_module()
class AlphaDivergenceLoss(LogitLoss):
    r"""Alpha divergence, times the squared temperature.

    :math:`\frac{T^2}{\alpha(1-\alpha)} (1 - \sum_k p_k^\alpha q_k^{1-\alpha})`,
    Differential-Geometrical Methods in Statistics (Amari, Springer 1985), of the tempered outputs p
    of the teacher and q of the student. It tends to the KL divergence of KD as alpha tends to 1,
    and to the reverse one as alpha tends to 0; at 1/2 it is symmetric, and at most :math:`4 T^2`.

    Args:
        alpha: Above 0 and below 1.
        temperature: As in :class:`mmkd.losses.LogitLoss`.
        **arguments: Of :class:`mmkd.losses.LogitLoss`.
    """

    def __init__(self, alpha: float = 0.5, temperature: Any = 4.0, **arguments: Any) -> None:
        super().__init__(temperature, **arguments)
        if not 0 < alpha < 1:
            raise ValueError(f"alpha lies above 0 and below 1, not at {alpha}: take mmkd.KDLoss.")
        self.alpha = alpha

    def divergence(self, pair: Tempered) -> Tensor:
        overlap = (self.alpha * pair.teacher + (1 - self.alpha) * pair.student).exp()
        apart = 1 - overlap.sum(-1, keepdim=True)
        return (pair.temperature**2 * apart).squeeze(-1) / (self.alpha * (1 - self.alpha))
