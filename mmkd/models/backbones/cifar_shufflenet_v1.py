"""ShuffleNet of the CIFAR distillation literature (ShuffleV1)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.models.backbones.channel_shuffle import channel_shuffle
from mmkd.models.backbones.convolutions import conv1x1, depthwise3x3
from mmkd.models.backbones.staged import StagedBackbone
from mmkd.registry import MODELS

STAGES = 3
STEM = 24


class ShuffleUnit(nn.Module):
    """Unit of grouped 1x1, channel shuffle, depthwise 3x3 and grouped 1x1, with a shortcut.

    At stride 1 the shortcut is added. At stride 2 it is pooled and appended, so that the
    convolutions give ``out_channels - in_channels`` channels. A ReLU follows the depthwise
    convolution, unlike in the paper, but as in the published networks.

    ``relu`` is only used for the last operation.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, groups: int, first_groups: int
    ) -> None:
        super().__init__()
        made = out_channels - in_channels if stride == 2 else out_channels
        width = made // 4
        self.conv1 = conv1x1(in_channels, width, groups=first_groups)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.first_groups = first_groups
        self.conv2 = depthwise3x3(width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = conv1x1(width, made, groups=groups)
        self.bn3 = nn.BatchNorm2d(made)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H / stride, W / stride)``."""
        out = channel_shuffle(self.relu1(self.bn1(self.conv1(x))), self.first_groups)
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out = out + x if self.pool is None else torch.cat([out, self.pool(x)], dim=1)
        activated: Tensor = self.relu(out)
        return activated


@MODELS.register_module()
class CIFARShuffleNetV1(StagedBackbone):
    """ShuffleNet for small images: a 1x1 stem and three stages of stride 2.

    ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices (CVPR 2018),
    table 1 with 3 groups, as the distillation literature uses it on CIFAR: the stem keeps the size
    and there is no pooling. The first unit's first convolution is not grouped, because the stem
    has few channels. Keys are those of the published checkpoints under ``backbone.``.

    Taps: ``backbone.relu`` is the stem's map, ``backbone.layer1`` to ``backbone.layer3`` are the
    maps of the stages, and ``backbone.layer<k>.<last unit>.relu:input`` is a stage's map before its
    last ReLU (the last units of ShuffleV1 are 3, 7, 3).

    Args:
        widths: channels of the three stages.
        units: number of units in the three stages, including those of stride 2.
        groups: number of groups of the 1x1 convolutions.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 3
            are those of the stages.
        init_cfg: MMEngine initialisation; by default PyTorch's initialisation, as in the published
            networks.

    Raises:
        ValueError: if the arguments do not describe such a network.
    """

    def __init__(
        self,
        widths: Sequence[int] = (240, 480, 960),
        units: Sequence[int] = (4, 8, 4),
        groups: int = 3,
        in_channels: int = 3,
        out_indices: Sequence[int] = (STAGES,),
        init_cfg: Any = None,
    ) -> None:
        super().__init__(STAGES + 1, out_indices, init_cfg)
        if len(widths) != STAGES or len(units) != STAGES or min(units) < 1:
            raise ValueError(
                f"widths and units are of {STAGES} stages, not {tuple(widths)} and {tuple(units)}"
            )
        self.conv1 = conv1x1(in_channels, STEM)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU()
        channels = STEM
        for stage, (width, count) in enumerate(zip(widths, units, strict=True)):
            first = ShuffleUnit(channels, width, 2, groups, first_groups=groups if stage else 1)
            rest = (ShuffleUnit(width, width, 1, groups, groups) for _ in range(count - 1))
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, *rest))
            channels = width

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps: the stem keeps the size, each stage halves it (rounding up)."""
        maps = [self.relu(self.bn1(self.conv1(x)))]
        for stage in range(1, STAGES + 1):
            maps.append(getattr(self, f"layer{stage}")(maps[-1]))
        return maps
