"""MobileNetV1, the distillation literature's small student on ImageNet."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmkd.models.backbones.convolutions import conv1x1, conv3x3, depthwise3x3
from mmkd.models.backbones.staged import StagedBackbone
from mmkd.registry import MODELS

STEM = 32
# Channels and stride of the thirteen blocks, from table 1 of the paper, except for the last stride:
# the table has 2 there and yet keeps the size of the map, and mdistiller has 1.
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
# Index of the last block of each size, counted from 1.
STAGE_ENDS = (3, 5, 11, 13)


def activated(convolution: nn.Conv2d) -> list[nn.Module]:
    """Return a convolution with its batch norm and ReLU."""
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]


@MODELS.register_module()
class MobileNetV1(StagedBackbone):
    """MobileNetV1 for ImageNet: a stem of stride 2 and thirteen depthwise separable blocks.

    MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications (arXiv
    1704.04861, 2017); mmpretrain does not have it. Keys are those of mdistiller's checkpoints under
    ``backbone.``.

    Taps: ``backbone.model.0`` is the stem's map, ``backbone.model.3``, ``backbone.model.5``,
    ``backbone.model.11`` and ``backbone.model.13`` are the maps of the stages, and
    ``backbone.model.<k>.5:input`` are the same maps before their last ReLU.

    Args:
        widen_factor: factor on all channels (the paper's width multiplier).
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 4
            are those of the stages, of 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's size.
        init_cfg: MMEngine initialisation; by default PyTorch's initialisation, as in mdistiller.

    Raises:
        ValueError: if ``widen_factor`` or ``out_indices`` do not describe such a network.
    """

    def __init__(
        self,
        widen_factor: float = 1.0,
        in_channels: int = 3,
        out_indices: Sequence[int] = (len(STAGE_ENDS),),
        init_cfg: Any = None,
    ) -> None:
        super().__init__(len(STAGE_ENDS) + 1, out_indices, init_cfg)
        if int(STEM * widen_factor) < 1:
            raise ValueError(
                f"widen_factor must leave a channel of {STEM}, and {widen_factor} does not"
            )
        channels = int(STEM * widen_factor)
        blocks = [nn.Sequential(*activated(conv3x3(in_channels, channels, stride=2)))]
        for base, stride in BLOCKS:
            width = int(base * widen_factor)
            depthwise = activated(depthwise3x3(channels, stride))
            blocks.append(nn.Sequential(*depthwise, *activated(conv1x1(channels, width))))
            channels = width
        self.model = nn.Sequential(*blocks)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps, of 1/2, 1/4, 1/8, 1/16 and 1/32 of the image's size (rounding up)."""
        maps = []
        for index, block in enumerate(self.model):
            x = block(x)
            if index in (0, *STAGE_ENDS):
                maps.append(x)
        return maps
