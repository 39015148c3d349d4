"""Loss that generates the teacher's map from a masked map of the student (MGD)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.losses.base.parts_loss import PartsLoss
from mmkd.registry import MODELS

# Part of a map (N, C, H, W) that gives the shape of the random mask; the mask is broadcast over the
# remaining dimension or dimensions.
MASKED = {"positions": lambda maps: maps[:, :1], "channels": lambda maps: maps[:, :, :1, :1]}


@MODELS.register_module()
class MGDLoss(PartsLoss):
    r"""Squared difference of the teacher's map and a map generated from the masked student's map.

    Masked Generative Distillation (Yang et al., ECCV 2022): positions of the student's map are set
    to 0 at random, in all channels, and two 3x3 convolutions with a ReLU between them are trained
    to generate the teacher's map. The released code of classifiers masks channels instead. The loss
    of a sample is :math:`\alpha\sum_{c,h,w}(F_t - G(F_s \odot M))^2`. The published detectors use
    :math:`\alpha=2\cdot10^{-5}` and a share of 0.65 if they have one stage, :math:`5\cdot10^{-7}`
    and 0.45 if they have two.

    Args:
        alpha: :math:`\alpha`; small, since the loss is a sum over channels and positions.
        mask_ratio: Share of positions or channels that is masked, the paper's :math:`\lambda`, in
            [0, 1).
        masked: ``'positions'`` in all channels, or ``'channels'`` at all positions.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self,
        alpha: float = 2e-5,
        mask_ratio: float = 0.65,
        masked: str = "positions",
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if not 0 <= mask_ratio < 1:
            raise ValueError(f"mask_ratio is a share in [0, 1), not {mask_ratio}.")
        if masked not in MASKED:
            raise ValueError(f"masked is one of {', '.join(MASKED)}, not {masked!r}.")
        self.alpha, self.mask_ratio, self.masked = alpha, mask_ratio, masked

    def part(self, channels: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        loss = pairs[0][0].new_zeros(())
        for generate, student, teacher in self.with_parts(pairs):
            seen = torch.rand_like(MASKED[self.masked](student)) >= self.mask_ratio
            difference = generate(student * seen) - teacher
            loss = loss + self.alpha * difference.square().flatten(1).sum(1)
        return loss
