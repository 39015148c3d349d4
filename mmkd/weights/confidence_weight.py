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
        background: Whether the last class, which is background in a two-stage head, counts too.
    """

    def __init__(
        self,
        of: str = "student",
        activation: str = "sigmoid",
        threshold: float | None = None,
        background: bool = True,
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

    @torch.no_grad()
    def forward(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Return the weight of each sample, shape (N,), from raw logits (N, C)."""
        logits = full_precision(student_logits if self.of == "student" else teacher_logits)
        scores = logits.sigmoid() if self.activation == "sigmoid" else logits.softmax(-1)
        confidence = (scores if self.background else scores[:, :-1]).amax(-1)
        if self.threshold is None:
            return confidence
        return (confidence >= self.threshold).to(confidence.dtype)
