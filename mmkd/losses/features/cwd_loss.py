"""Channel-wise distillation: each channel as a distribution over positions (CWD)."""

from torch import Tensor

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import maps_alike
from mmkd.losses.base.logit_loss import Tempered, kd_divergence
from mmkd.registry import MODELS


@MODELS.register_module()
class CWDLoss(FeatureLoss):
    r"""KL divergence between the channels of two maps, each a softmax over its positions.

    Channel-wise Knowledge Distillation for Dense Prediction (Shu et al., ICCV 2021):
    :math:`\frac{\tau^2}{C}\sum_c KL(\phi(F_{t,c}/\tau)\,\|\,\phi(F_{s,c}/\tau))` for each sample.

    Args:
        temperature: :math:`\tau`.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self, temperature: float = 1.0, loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        self.temperature = temperature

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        student, teacher = maps_alike(self, student, teacher)
        own, theirs = (
            (features / self.temperature).flatten(2).log_softmax(-1)
            for features in (student, teacher)
        )
        return kd_divergence(Tempered(own, theirs, self.temperature)).mean(1)
