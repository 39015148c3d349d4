"""Quality focal loss with the teacher's class probabilities as its targets (CrossKD)."""

from typing import Any

from torch import Tensor

from mmkd.losses.base.logit_loss import Tempered
from mmkd.losses.logits.binary_kd_loss import BinaryKDLoss
from mmkd.registry import MODELS


@MODELS.register_module()
class QualityFocalKDLoss(BinaryKDLoss):
    r"""Binary cross-entropy with the teacher's sigmoids, weighed by the student's distance to them.

    .. math:: \sum_c |\sigma(z_{s,c}) - \sigma(z_{t,c})|^\beta\;
        BCE(\sigma(z_{s,c}), \sigma(z_{t,c}))

    The quality focal loss of Generalized Focal Loss (Li et al., NeurIPS 2020) with the teacher's
    probabilities in place of the quality, as CrossKD (Wang et al., CVPR 2024) distils classes. The
    factor before the cross-entropy takes part in the gradient.

    Args:
        beta: Exponent of the factor, at least 1.
        temperature: T, as in :class:`LogitLoss`. CrossKD has none, that is 1. Otherwise the logits
            are divided by T and the loss is multiplied by its square.
        **arguments: Arguments of :class:`BinaryKDLoss`.
    """

    def __init__(self, beta: float = 1.0, temperature: Any = 1.0, **arguments: Any) -> None:
        super().__init__(temperature=temperature, **arguments)
        if beta < 1:
            raise ValueError(
                f"beta is at least 1, not {beta}: a smaller exponent has an infinite gradient "
                "where student and teacher agree."
            )
        self.beta = beta

    def divergence(self, pair: Tempered) -> Tensor:
        own, theirs = pair.student.exp(), pair.teacher.exp()
        cross_entropy = -(theirs * pair.student).sum(-1)
        distance = (own - theirs)[..., 0].abs() ** self.beta
        by_class: Tensor = pair.temperature**2 * distance * cross_entropy
        return by_class.mean(-1) if self.class_mean else by_class.sum(-1)
