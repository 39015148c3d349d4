"""Distillation within and across two views of each image (CRLD)."""

from typing import Any

from torch import Tensor

from mmkd.losses.base.logit_loss import LogitLoss, Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class CRLDLoss(LogitLoss):
    r"""Divergences between both views of an image in the student and both views in the teacher.

    Cross-View Consistency Regularisation for Knowledge Distillation (Zhang et al., ACM Multimedia
    2024), as in the released code. :math:`KD(a, b)` is the divergence of the student on view a from
    the teacher on view b; there is a weak view w and a strong view s. The loss of an image is

    .. math:: \lambda_w [c_w \ge \tau_w] (KD(w, w) + KD(s, s))
        + \lambda_c [c_s \ge \tau_s] (KD(s, w) + KD(w, s)),

    where :math:`c_w, c_s` are the greatest probabilities of the teacher on each view, at
    temperature 1. The loss is the mean over images. The batch is two views of N images, joined as
    :class:`mmkd.MultiViewDataPreprocessor` joins them: all weak views first. Each value, and so
    each sample weight, belongs to a view of the student: there are (2 N,) values, and their mean is
    the loss.

    Args:
        within_weight: :math:`\lambda_w`.
        across_weight: :math:`\lambda_c`.
        weak_confidence: :math:`\tau_w`.
        strong_confidence: :math:`\tau_s`.
        temperature: As in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    views = 2

    def __init__(
        self,
        within_weight: float = 2.0,
        across_weight: float = 0.5,
        weak_confidence: float = 0.9,
        strong_confidence: float = 0.2,
        temperature: Any = 4.0,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        if not 0 <= min(weak_confidence, strong_confidence) <= 1:
            raise ValueError(
                "weak_confidence and strong_confidence are probabilities, from 0 to 1, not "
                f"{weak_confidence} and {strong_confidence}."
            )
        self.within_weight, self.across_weight = within_weight, across_weight
        self.weak_confidence, self.strong_confidence = weak_confidence, strong_confidence

    def divergence(self, pair: Tempered) -> Tensor:
        if len(pair.teacher) % 2:
            raise ValueError(
                f"A batch of {len(pair.teacher)} is not two views of as many images each: CRLDLoss "
                "needs data_preprocessor=dict(type='mmkd.MultiViewDataPreprocessor', views=2)."
            )
        half, temperature = len(pair.teacher) // 2, pair.temperature
        _, theirs = pair.untempered()
        confidence = theirs.amax(-1).exp()
        weak = (confidence[:half] >= self.weak_confidence).repeat(2)
        strong = (confidence[half:] >= self.strong_confidence).repeat(2)
        within = kd_divergence(pair)
        if isinstance(temperature, Tensor):
            temperature = temperature.expand(len(pair.teacher), 1).roll(half, 0)
        across = kd_divergence(Tempered(pair.student, pair.teacher.roll(half, 0), temperature))
        # The factor 2 is there because the mean is over two views of each image.
        return 2 * (self.within_weight * weak * within + self.across_weight * strong * across)
