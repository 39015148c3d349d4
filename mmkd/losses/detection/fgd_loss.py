"""Loss on feature maps under the teacher's attention, split into fore- and background (FGD)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.feature_loss import Features, in_pairs
from mmkd.losses.base.parts_loss import PartsLoss
from mmkd.losses.detection.foreground import background_mask, foreground_mask, relative_boxes
from mmkd.losses.detection.global_context import GlobalContext
from mmkd.registry import MODELS


def attentions(maps: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    r"""Return the attention of each position, (N, H, W), and of each channel, (N, C).

    :math:`A^S = HW\,softmax(\frac{1}{C}\sum_c|F_c| / T)`, :math:`A^C = C\,softmax(\frac{1}{HW}
    \sum_{h,w}|F_{h,w}| / T)`: both have mean 1.
    """
    magnitude = maps.abs()
    positions = magnitude.mean(1).flatten(1)
    spatial = (positions / temperature).softmax(1) * positions.shape[1]
    channel = (magnitude.mean((2, 3)) / temperature).softmax(1) * maps.shape[1]
    return spatial.unflatten(1, maps.shape[2:]), channel


@MODELS.register_module()
class FGDLoss(PartsLoss):
    r"""Focal and global distillation of feature maps.

    Focal and Global Knowledge Distillation for Detectors (Yang et al., CVPR 2022), for each image:

    - focal: squared differences, weighed by the teacher's attention to the position
      and to the channel; in the boxes of objects by 1 over the area of the smallest one, times
      :math:`\alpha`; elsewhere by 1 over the number of such positions, times :math:`\beta`;
    - attention: L1 between the attentions of student and teacher, times :math:`\gamma`;
    - global: squared difference of the maps after a global context block for each
      network, times :math:`\lambda`.

    The published configs of one-stage detectors use alpha 1e-3, beta 5e-4, gamma 5e-4 or 1e-3, and
    lambda 5e-6; those of two-stage detectors use 5e-5, 2.5e-5, 5e-5 and 5e-7. Ignored regions count
    as background.

    Args:
        alpha: Weight of the foreground.
        beta: Weight of the background.
        gamma: Weight of the difference of attentions.
        lambda_: Weight of the global part.
        temperature: :math:`T` of the attentions.
        released_code: Scale boxes by the image without its padding, as the released code does. That
            shifts the boxes on the maps of padded images; by default a box lies on the map where it
            lies in the input.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    needs_boxes = True

    def __init__(
        self,
        alpha: float = 1e-3,
        beta: float = 5e-4,
        gamma: float = 1e-3,
        lambda_: float = 5e-6,
        temperature: float = 0.5,
        released_code: bool = False,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        self.alpha, self.beta, self.gamma, self.lambda_ = alpha, beta, gamma, lambda_
        self.temperature, self.released_code = temperature, released_code

    def part(self, channels: int) -> nn.Module:
        return nn.ModuleDict(
            {network: GlobalContext(channels) for network in ("student", "teacher")}
        )

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        data_samples: Sequence[Any] | None = None,
    ) -> Tensor:
        """Compute the loss, summed over the levels.

        Args:
            student_features: A map (N, C, H, W) or several.
            teacher_features: As many maps. No gradient flows into them.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
            data_samples: Data samples of the N images; the ground-truth boxes are read from them.
        """
        boxes = relative_boxes(data_samples, padded=not self.released_code)
        pairs = in_pairs(student_features, teacher_features)
        loss = pairs[0][0].new_zeros(())
        with torch.autocast(loss.device.type, enabled=False):
            for contexts, student, teacher in self.with_parts(pairs):
                assert isinstance(contexts, nn.ModuleDict)
                related = contexts["student"](student) - contexts["teacher"](teacher)
                loss = loss + self.local(student, teacher, boxes)
                loss = loss + self.lambda_ * related.square().flatten(1).sum(1)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def local(self, student: Tensor, teacher: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """Return the losses without trained parts (focal and attention) of each image, shape (N,).

        Args:
            student: Shape (N, C, H, W).
            teacher: The same shape.
            boxes: Ground-truth boxes of each image, (B, 4) in [0, 1].
        """
        height, width = teacher.shape[2:]
        foreground = torch.stack([foreground_mask(box, height, width) for box in boxes])
        background = torch.stack([background_mask(mask) for mask in foreground])
        spatial, channel = attentions(teacher, self.temperature)
        own_spatial, own_channel = attentions(student, self.temperature)
        squared = ((student - teacher).square() * channel[:, :, None, None]).sum(1) * spatial
        masks = self.alpha * foreground + self.beta * background
        apart = (own_spatial - spatial).abs().sum((1, 2)) + (own_channel - channel).abs().sum(1)
        return (masks * squared).sum((1, 2)) + self.gamma * apart
