"""Logit standardisation."""

from torch import Tensor, nn

from mmkd.registry import MODELS


@MODELS.register_module()
class Standardize(nn.Module):
    """Shift and scale each sample's logits to zero mean and unit standard deviation.

    Logit Standardization in Knowledge Distillation (Sun et al., CVPR 2024):
    ``z <- (z - mean(z)) / (std(z) + eps)``, std with Bessel's correction as in the released code.

    Args:
        eps: Number added to the standard deviation.
    """

    def __init__(self, eps: float = 1e-7) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, logits: Tensor) -> Tensor:
        """Return the standardised logits, shape (N, C) like the input."""
        # Equal logits have deviation 0, and the derivative of the square root is infinite there.
        centred = logits - logits.mean(-1, keepdim=True)
        variance = centred.square().sum(-1, keepdim=True) / (logits.shape[-1] - 1)
        constant = variance == 0
        deviation = variance.masked_fill(constant, 1.0).sqrt().masked_fill(constant, 0.0)
        return centred / (deviation + self.eps)
