"""Sample weights from the entropies of teacher and student (EA-KD)."""

from typing import Any

import torch
from torch import Tensor

from mmkd.registry import MODELS
from mmkd.weights.entropy_weight import EntropySampleWeight

MODES = ("ea", "base", "interact", "inverse", "none")


@MODELS.register_module()
class EntropyAdaptiveWeight(EntropySampleWeight):
    r"""Weigh each sample by the teacher's entropy and its product with the student's entropy.

    EA-KD: Entropy-based Adaptive Knowledge Distillation (Su et al., ICCV 2025). :math:`H_T, H_S`
    are the entropies at temperature :math:`T'` and :math:`H_{ub} = \ln C`. The modes:

    - ``'base'``: :math:`H_T`, as in ER-KD
    - ``'interact'``: :math:`H_T H_S / H_{ub}`
    - ``'ea'``, the method: the mean of these two, :math:`\frac12 H_T (1 + H_S / H_{ub})`
    - ``'inverse'``, the ablation that reverses the order of the samples. We do not know the paper's
      formula for it; ours, :math:`\ln C - w_{ea}`, is an interpretation.
    - ``'none'``: 1, the loss without a weight

    Args:
        temperature: :math:`T'`. The paper takes 3 on CIFAR-100 and Tiny-ImageNet, 2 on ImageNet.
        bound: :math:`H_{ub}` in nats; ``None`` stands for ln C of the logits, or ln 2 for sigmoids.
            The authors' released code uses 100 in place of ln 100 for KD and DKD on CIFAR-100: set
            100 to reproduce it.
        mode: One of the above.
        eps: Number added inside the logarithm of the entropies, as in the authors' code for KD.
            With 0 they are the plain entropies, from which the reference values of EA-DKD are
            computed.
        detach: Whether the weight is a constant for the student, as in the paper. Without it the
            student also learns to change the weight, by the gradient of :math:`H_S`.
        **arguments: Arguments of :class:`EntropySampleWeight`, for ablations: ``batch_mean``,
            ``normalize``, ``renormalize``, ``transforms``, and ``activation``. The released EA-DKD
            takes the entropies of standardised logits if it standardises logits:
            ``transforms=[dict(type='mmkd.Standardize')]`` reproduces it.
    """

    def __init__(
        self,
        temperature: float = 3.0,
        bound: float | None = None,
        mode: str = "ea",
        eps: float = 1e-10,
        detach: bool = True,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, eps=eps, **arguments)
        if bound is not None and bound <= 0:
            raise ValueError(f"The bound of the entropy must be positive, not {bound}.")
        if mode not in MODES:
            raise ValueError(f"mode must be one of {MODES}, not {mode!r}.")
        self.bound, self.mode, self.detach = bound, mode, detach

    def weigh(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        base = self.entropy(teacher_logits)
        if self.mode == "none":
            return torch.ones_like(base)
        if self.mode == "base":
            return base
        maximum = self.maximum(teacher_logits) / self.unit(teacher_logits)
        bound = maximum if self.bound is None else self.bound / self.unit(teacher_logits)
        interaction = base * self.entropy(student_logits) / bound
        if self.mode == "interact":
            return interaction
        adaptive = (base + interaction) / 2
        return maximum - adaptive if self.mode == "inverse" else adaptive
