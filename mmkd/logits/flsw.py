"""Sample-wise temperature from the similarity of student and teacher logits (DTD-FLSW)."""

from torch import Tensor
from torch.nn.functional import cosine_similarity

from mmkd.logits.dynamic_temperature import DynamicTemperature
from mmkd.registry import MODELS


@MODELS.register_module()
class FLSWTemperature(DynamicTemperature):
    r"""Focal-loss-style weights as temperatures: :math:`\omega_x = (1 - \cos(z_s, z_t))^\gamma`.

    A sample on which the networks disagree is hard; see :class:`DynamicTemperature`. The cosine of
    raw logits is an interpretation, and so are the defaults.

    Args:
        base: Mean temperature of the batch, before the floor.
        bias: Factor of the weights in the temperature.
        gamma: Exponent of the weight.
        min: Floor of the temperature.
        all_processes: As in :class:`DynamicTemperature`.
    """

    def __init__(
        self,
        base: float = 10.0,
        bias: float = 40.0,
        gamma: float = 1.0,
        min: float = 1.0,
        all_processes: bool = False,
    ) -> None:
        super().__init__(base, bias, min, all_processes)
        self.gamma = gamma

    def hardness(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        dissimilarity = 1 - cosine_similarity(student_logits, teacher_logits, dim=-1)
        return dissimilarity.clamp(min=0) ** self.gamma
