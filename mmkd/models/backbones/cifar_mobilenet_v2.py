"""MobileNetV2 of the CIFAR distillation literature."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from mmkd.models.backbones.convolutions import conv1x1, conv3x3, depthwise3x3
from mmkd.models.backbones.staged import KAIMING, StagedBackbone
from mmkd.registry import MODELS

STEM = 32
LAST = 1280
# Channels, blocks and stride of the seven groups of blocks. The second group has stride 2 in the
# paper; on small images the literature keeps the size there.
GROUPS = (
    (16, 1, 1),
    (24, 2, 1),
    (32, 3, 2),
    (64, 4, 2),
    (96, 3, 1),
    (160, 3, 2),
    (320, 1, 1),
)
# Groups that end a stage: the last group of each size, and the second group.
STAGE_ENDS = (1, 2, 4, 6)


class InvertedResidual(nn.Module):
    """Block of 1x1 expansion, depthwise 3x3 and 1x1 projection without activation.

    A block that expands by 1 has its first convolution too, unlike in the paper.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand: int) -> None:
        super().__init__()
        width = in_channels * expand
        self.conv = nn.Sequential(
            conv1x1(in_channels, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            depthwise3x3(width, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            conv1x1(width, out_channels),
            nn.BatchNorm2d(out_channels),
        )
        self.has_shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H / stride, W / stride)``."""
        out: Tensor = self.conv(x)
        return x + out if self.has_shortcut else out


@MODELS.register_module()
class CIFARMobileNetV2(StagedBackbone):
    """MobileNetV2 for small images: a stem of stride 2, seven groups of blocks, a 1x1 convolution.

    MobileNetV2: Inverted Residuals and Linear Bottlenecks (CVPR 2018), as the distillation
    literature uses it on CIFAR: half as wide, ReLU in place of ReLU6, a last map of 1/16 of the
    image's size. Keys are those of the published checkpoints under ``backbone.``. (mdistiller has a
    different MobileNetV2 for Tiny-ImageNet, with ReLU6 and full width.)

    Taps: ``backbone.conv1`` is the stem's map, and ``backbone.blocks.1``, ``backbone.blocks.2``,
    ``backbone.blocks.4`` and ``backbone.blocks.6`` are the maps of the stages. A stage ends in a
    linear bottleneck without a ReLU, so its map is also its map before activation.
    ``backbone.conv2`` is the map that the head reads, ``backbone.conv2.2:input`` the same map
    before its ReLU.

    Args:
        widen_factor: factor on all channels except those of the last map, which has 1280, and more
            only if the factor is above 1.
        expand_ratio: factor by which the blocks expand their channels, except those of the first
            group.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 4
            are those of the stages and 5 is that of the last convolution, which the head reads.
        init_cfg: MMEngine initialisation; by default that of the literature: Kaiming normal (fan
            out) for convolutions, 1 and 0 for batch norm.

    Raises:
        ValueError: if ``widen_factor`` or ``out_indices`` do not describe such a network.
    """

    roles: ClassVar[Mapping[str, Sequence[str]]] = dict(
        stages=[f"blocks.{block}" for block in STAGE_ENDS]
    )

    def __init__(
        self,
        widen_factor: float = 0.5,
        expand_ratio: int = 6,
        in_channels: int = 3,
        out_indices: Sequence[int] = (len(STAGE_ENDS) + 1,),
        init_cfg: Any = KAIMING,
    ) -> None:
        super().__init__(len(STAGE_ENDS) + 2, out_indices, init_cfg)
        if int(GROUPS[0][0] * widen_factor) < 1:
            raise ValueError(
                f"widen_factor must leave a channel of 16, and {widen_factor} does not"
            )
        channels = int(STEM * widen_factor)
        self.conv1 = nn.Sequential(
            conv3x3(in_channels, channels, stride=2), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.blocks = nn.ModuleList()
        for index, (base, count, stride) in enumerate(GROUPS):
            width = int(base * widen_factor)
            expand = expand_ratio if index else 1
            first = InvertedResidual(channels, width, stride, expand)
            rest = (InvertedResidual(width, width, 1, expand) for _ in range(count - 1))
            self.blocks.append(nn.Sequential(first, *rest))
            channels = width
        last = int(LAST * max(widen_factor, 1.0))
        self.conv2 = nn.Sequential(conv1x1(channels, last), nn.BatchNorm2d(last), nn.ReLU())

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps, of 1/2, 1/2, 1/4, 1/8, 1/16, 1/16 of the image's size (rounding up)."""
        x = self.conv1(x)
        maps = [x]
        for index, group in enumerate(self.blocks):
            x = group(x)
            if index in STAGE_ENDS:
                maps.append(x)
        return [*maps, self.conv2(x)]
