"""Sample-wise temperature from the student's confidence (DTD-CWSM)."""

from torch import Tensor

from mmkd.logits.dynamic_temperature import DynamicTemperature
from mmkd.registry import MODELS


@MODELS.register_module()
class CWSMTemperature(DynamicTemperature):
    r"""Confidence-weighted temperatures: :math:`\omega_x = 1 / \max_k \sigma(z_s)_k`.

    A sample on which the student is unsure is hard; see :class:`DynamicTemperature`. The weight
    runs from 1 to the number of classes, so that the floor matters. The confidence of the
    untempered softmax is an interpretation, and so are the defaults, which are those of FLSW.

    Args:
        base: Mean temperature of the batch, before the floor.
        bias: Factor of the weights in the temperature.
        min: Floor of the temperature.
        all_processes: As in :class:`DynamicTemperature`.
    """

    def hardness(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        return 1 / student_logits.softmax(-1).amax(-1)
