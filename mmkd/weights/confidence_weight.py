"""Sample weights from the confidence of a network."""

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS

NETWORKS = ("student", "teacher")
ACTIVATIONS = ("sigmoid", "softmax")


@MODELS.register_module()
class ConfidenceWeight(nn.Module):
    """Weigh each sample by the greatest class probability of a network, detached.

    Localization Distillation for Dense Object Detection (Zheng et al., CVPR 2022), in mmdet's code,
    weighs the locations by the student's confidence.

    Args:
        of: Network whose confidence is used, ``'student'`` or ``'teacher'``.
        activation: Function that turns logits into probabilities, ``'sigmoid'`` or ``'softmax'``.
        threshold: Weigh by 1 from this probability on and by 0 below it, in place of the
            probability.
        background: Whether the last class of a softmax, which is background in many heads, counts
            too. A sigmoid has no such class.
        renormalize: Divide the weights by their mean over the process's batch, so that the mean of
            weighted losses is a weighted mean. Weights that are all 0 stay 0.
    """

    def __init__(
        self,
        of: str = "student",
        activation: str = "sigmoid",
        threshold: float | None = None,
        background: bool = True,
        renormalize: bool = False,
    ) -> None:
        super().__init__()
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"The threshold is a probability in (0, 1], not {threshold}.")
        if of not in NETWORKS:
            raise ValueError(f"of must be one of {NETWORKS}, not {of!r}.")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {ACTIVATIONS}, not {activation!r}.")
        self.of, self.activation = of, activation
        self.threshold, self.background = threshold, background
        self.renormalize = renormalize

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, shape (N,), from raw logits (N, C)."""
        logits = full_precision(student_logits if self.of == "student" else teacher_logits)
        if self.activation == "sigmoid":
            scores = logits.sigmoid()
        else:
            scores = logits.softmax(-1)[:, : None if self.background else -1]
        confidence = scores.amax(-1)
        if self.threshold is not None:
            confidence = (confidence >= self.threshold).to(confidence.dtype)
        if self.renormalize:
            confidence = confidence / confidence.mean().clamp(min=torch.finfo(scores.dtype).tiny)
        return confidence
