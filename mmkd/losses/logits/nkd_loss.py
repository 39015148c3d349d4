"""Normalized knowledge distillation of the target class and of the other classes (NKD)."""

from typing import Any

from torch import Tensor

from mmkd.logits.decouple import non_target
from mmkd.losses.base.logit_loss import LogitLoss, Tempered
from mmkd.registry import MODELS


@MODELS.register_module()
class NKDLoss(LogitLoss):
    r"""Cross-entropies of the target class, and of the other classes normalised to sum to 1.

    From Knowledge Distillation to Self-Knowledge Distillation: A Unified Approach with Normalized
    Loss and Customized Soft Labels (Yang et al., ICCV 2023), for one sample with the label y:

    .. math:: -p_y \ln q_y - \gamma\,T^2 \sum_{k \ne y} \hat p_k \ln \hat q_k

    with the probabilities p of the teacher and q of the student at temperature 1, and :math:`\hat
    p, \hat q` the distributions over the classes other than y at temperature T. The student's
    cross-entropy with the label is added outside of this loss. Neither part is a divergence: for
    equal networks the loss is not 0. With two classes the second part is 0.

    Args:
        gamma: :math:`\gamma`.
        temperature: T, as in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    needs_labels = True

    def __init__(self, gamma: float = 1.5, temperature: Any = 1.0, **arguments: Any) -> None:
        super().__init__(temperature, **arguments)
        self.gamma = gamma

    def divergence(self, pair: Tempered) -> Tensor:
        assert pair.labels is not None
        own, theirs = (side.gather(1, pair.labels[:, None]) for side in pair.untempered())
        others = non_target(pair.teacher, pair.labels).exp() * non_target(pair.student, pair.labels)
        return -(theirs.exp() * own + self.gamma * pair.temperature**2 * others.sum(-1, True))[:, 0]
