"""Knowledge distillation by tempered KL divergence (Hinton et al.)."""

from mmkd.losses.base.logit_loss import LogitLoss
from mmkd.registry import MODELS


@MODELS.register_module()
class KDLoss(LogitLoss):
    r"""KL divergence between tempered softmax outputs, times the squared temperature.

    Distilling the Knowledge in a Neural Network (Hinton, Vinyals, Dean; NIPS workshop 2014),
    :math:`T^2\,KL(\sigma(z_t/T)\,\|\,\sigma(z_s/T))`, with the plug-ins of :class:`LogitLoss`: a
    logit transform, a temperature module or an adjusted target turns it into another method.
    """
