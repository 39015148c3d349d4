"""Sample weights from the entropies of teacher and student (EA-KD)."""

import math

import torch
from torch import Tensor, nn

from mmkd.logits.entropy import entropy
from mmkd.registry import MODELS

MODES = ("ea", "base", "interact", "inverse")


@MODELS.register_module()
class EntropyAdaptiveWeight(nn.Module):
    r"""Weigh each sample by the teacher's entropy and its interaction with the student's.

    EA-KD: Entropy-based Adaptive Knowledge Distillation (Su et al., ICCV 2025). With
    :math:`H_T, H_S` the entropies at temperature :math:`T'` and :math:`H_{ub} = \ln C`:

    - ``'base'``: :math:`H_T`
    - ``'interact'``: :math:`H_T H_S / H_{ub}`
    - ``'ea'``, the method: the mean of the two, :math:`\frac12 H_T (1 + H_S / H_{ub})`
    - ``'inverse'``, the ablation that turns the order of the samples round. The paper's formula for
      it is not known to us; ours, :math:`\ln C - w_{ea}`, is an interpretation.

    Args:
        temperature: :math:`T'`. The paper takes 3 on CIFAR-100 and Tiny-ImageNet, 2 on ImageNet.
        bound: :math:`H_{ub}`; ``None`` is ln C of the logits given. The authors' released code uses
            100 in place of ln 100 for KD and DKD on CIFAR-100: give 100 to reproduce that.
        mode: One of the above.
        eps: Added inside the logarithm of the entropies, as in the authors' code for KD. With 0
            they are the plain entropies, which the reference values of EA-DKD are computed from.
    """

    def __init__(
        self,
        temperature: float = 3.0,
        bound: float | None = None,
        mode: str = "ea",
        eps: float = 1e-10,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        if bound is not None and bound <= 0:
            raise ValueError(f"The bound of the entropy must be positive, not {bound}.")
        if mode not in MODES:
            raise ValueError(f"mode must be one of {MODES}, not {mode!r}.")
        self.temperature, self.bound, self.mode, self.eps = temperature, bound, mode, eps

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, shape (N,), detached, from raw logits (N, C)."""
        base = entropy(teacher_logits, self.temperature, self.eps)
        if self.mode == "base":
            return base
        maximum = math.log(teacher_logits.shape[-1])
        student = entropy(student_logits, self.temperature, self.eps)
        interaction = base * student / (self.bound or maximum)
        if self.mode == "interact":
            return interaction
        adaptive = (base + interaction) / 2
        return maximum - adaptive if self.mode == "inverse" else adaptive
