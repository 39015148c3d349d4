"""Sample weights from the teacher's entropy (ER-KD), and the base class of such weights."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.logits.entropy import binary_entropy, entropy
from mmkd.registry import MODELS

ACTIVATIONS = ("softmax", "sigmoid")


class EntropySampleWeight(nn.Module, ABC):
    """Base class of sample weights computed from the entropies of tempered outputs.

    The defaults follow ER-KD and EA-KD: weights are not normalised, neither by the greatest
    possible entropy nor over the batch, and entropies are those of the raw logits.

    Args:
        temperature: Temperature at which the entropies are computed.
        batch_mean: Give all samples of the process's batch their mean weight. This changes the size
            of the loss as the weights do, but gives all samples the same share. It is the control
            experiment that separates the effect of the shares from that of the size.
        normalize: Take entropies in units of their greatest value, ln C or ln 2, so that they run
            from 0 to 1.
        renormalize: Divide the weights by their mean over the process's batch, so that weighing
            does not change the size of the loss. Weights that are all 0 stay 0.
        transforms: Configs of logit transforms, (N, C) -> (N, C), for both networks' logits.
        eps: Number added inside the logarithm of the entropies, as in some released code.
        activation: ``'softmax'``, the papers' entropy; or ``'sigmoid'``, for heads that decide on
            each class separately, such as dense detection heads: the mean over classes of the
            binary entropies, whose greatest value is ln 2. The sigmoid form is our interpretation.

    Attributes:
        detach: Whether no gradient flows through the weight. The teacher's logits never get a
            gradient.
    """

    detach = True

    def __init__(
        self,
        temperature: float,
        batch_mean: bool = False,
        normalize: bool = False,
        renormalize: bool = False,
        transforms: Sequence[dict[str, Any]] = (),
        eps: float = 0.0,
        activation: str = "softmax",
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {ACTIVATIONS}, not {activation!r}.")
        if batch_mean and renormalize:
            raise ValueError(
                "batch_mean and renormalize together make every weight 1. Set one of them, or "
                "remove the sample weight."
            )
        self.temperature, self.eps, self.activation = temperature, eps, activation
        self.normalize, self.renormalize = normalize, renormalize
        self.batch_mean = batch_mean
        self.transforms = nn.Sequential(*(MODELS.build(transform) for transform in transforms))

    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, shape (N,), from raw logits (N, C)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.detach):
            weight = self.weigh(student_logits, teacher_logits.detach())
            if self.batch_mean:
                return weight.mean().expand_as(weight)
            if self.renormalize:
                weight = weight / weight.mean().clamp(min=torch.finfo(weight.dtype).tiny)
        return weight

    @abstractmethod
    def weigh(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample before renormalisation, shape (N,)."""

    def maximum(self, logits: Tensor) -> float:
        """Return the greatest possible entropy, in nats."""
        return math.log(logits.shape[-1] if self.activation == "softmax" else 2)

    def unit(self, logits: Tensor) -> float:
        """Return the unit of the entropies, in nats."""
        return self.maximum(logits) if self.normalize else 1.0

    def entropy(self, logits: Tensor) -> Tensor:
        """Return the entropy of each sample's tempered output, (N,), in units of :meth:`unit`."""
        if len(self.transforms):
            logits = self.transforms(full_precision(logits))
        of = entropy if self.activation == "softmax" else binary_entropy
        entropies = of(logits, self.temperature, self.eps)
        return entropies / self.unit(logits) if self.normalize else entropies


@MODELS.register_module()
class EntropyWeight(EntropySampleWeight):
    r"""Weigh each sample by the entropy of the teacher's tempered softmax output.

    Knowledge From the Dark Side: Entropy-Reweighted Knowledge Distillation for Balanced Knowledge
    Transfer (Su et al., 2023), :math:`w_n = H(\sigma(z_{t,n}/T'))`: samples on which the teacher is
    uncertain weigh more. Weights are not normalised; they run from 0 to ln C.

    Args:
        temperature: :math:`T'`, at which the entropy is computed.
        **arguments: Arguments of :class:`EntropySampleWeight`: ``batch_mean``, ``normalize``,
            ``renormalize`` and ``transforms``, for ablations; ``activation``, for other heads. With
            ``batch_mean`` it is what the authors' released code of ER-DKD computes: its product of
            (N,) losses and (N, 1) entropies broadcasts to (N, N), whose mean is the product of the
            two means.
    """

    def __init__(self, temperature: float = 4.0, **arguments: Any) -> None:
        super().__init__(temperature, **arguments)

    def weigh(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        return self.entropy(teacher_logits)
