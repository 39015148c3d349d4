"""ShuffleNetV2 of the CIFAR distillation literature (ShuffleV2)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mmkd.models.backbones.channel_shuffle import channel_shuffle
from mmkd.models.backbones.convolutions import conv1x1, depthwise3x3
from mmkd.models.backbones.staged import StagedBackbone
from mmkd.registry import MODELS

STAGES = 3
STEM = 24


class BasicUnit(nn.Module):
    """Unit that passes half of the channels, convolves the other half and shuffles both.

    The convolutions are 1x1, depthwise 3x3 and 1x1. The last ReLU works on all channels, after the
    shuffle. It does not change the half that passes, because the input of the unit is activated. So
    the input of that ReLU is the whole map before the activation, with the channels in the order of
    the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = conv1x1(half, half)
        self.bn1 = nn.BatchNorm2d(half)
        self.relu1 = nn.ReLU()
        self.conv2 = depthwise3x3(half)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = conv1x1(half, half)
        self.bn3 = nn.BatchNorm2d(half)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, channels, H, W)`` to the same shape; ``x`` is not negative."""
        passed, out = x.chunk(2, dim=1)
        out = self.relu1(self.bn1(self.conv1(out)))
        out = self.bn2(self.conv2(out))
        out = self.bn3(self.conv3(out))
        activated: Tensor = self.relu(channel_shuffle(torch.cat([passed, out], dim=1), 2))
        return activated


class DownUnit(nn.Module):
    """Unit of two branches with stride 2, each with half of the output channels, and a shuffle."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = depthwise3x3(in_channels, stride=2)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv2 = conv1x1(in_channels, half)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = conv1x1(in_channels, half)
        self.bn3 = nn.BatchNorm2d(half)
        self.relu3 = nn.ReLU()
        self.conv4 = depthwise3x3(half, stride=2)
        self.bn4 = nn.BatchNorm2d(half)
        self.conv5 = conv1x1(half, half)
        self.bn5 = nn.BatchNorm2d(half)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H / 2, W / 2)``."""
        left = self.bn2(self.conv2(self.bn1(self.conv1(x))))
        right = self.relu3(self.bn3(self.conv3(x)))
        right = self.bn5(self.conv5(self.bn4(self.conv4(right))))
        activated: Tensor = self.relu(channel_shuffle(torch.cat([left, right], dim=1), 2))
        return activated


@MODELS.register_module()
class CIFARShuffleNetV2(StagedBackbone):
    """ShuffleNetV2 for small images: a 1x1 stem, three stages of stride 2, a 1x1 convolution.

    ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design (ECCV 2018), table 5
    at size 1x, as the distillation literature uses it on CIFAR: the stem keeps the size and there
    is no pooling. Keys are those of the published checkpoints under ``backbone.``.

    Taps: ``backbone.relu`` is the stem's map, ``backbone.layer1`` to ``backbone.layer3`` are the
    maps of the stages, and ``backbone.layer<k>.<last unit>.relu:input`` is a stage's map before its
    last ReLU, in the order of channels of the stage's output (the last units of ShuffleV2 are 3, 7,
    3). ``backbone.relu2`` is the map that the head reads, ``backbone.bn2`` is the same map before
    its ReLU.

    Args:
        widths: channels of the three stages, which must be even, and of the last convolution.
        units: number of units in the three stages, including those of stride 2.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 3
            are those of the stages, and 4 is that of the last convolution, which the head reads.
        init_cfg: MMEngine initialisation; by default PyTorch's initialisation, as in the published
            networks.

    Raises:
        ValueError: if the arguments do not describe such a network.
    """

    roles: ClassVar[Mapping[str, Sequence[str]]] = dict(stages=["layer1", "layer2", "layer3"])

    def __init__(
        self,
        widths: Sequence[int] = (116, 232, 464, 1024),
        units: Sequence[int] = (4, 8, 4),
        in_channels: int = 3,
        out_indices: Sequence[int] = (STAGES + 1,),
        init_cfg: Any = None,
    ) -> None:
        super().__init__(STAGES + 2, out_indices, init_cfg)
        if len(widths) != STAGES + 1 or any(width % 2 for width in widths[:STAGES]):
            raise ValueError(
                f"widths are of {STAGES} stages, even, and of the last convolution, "
                f"not {tuple(widths)}"
            )
        if len(units) != STAGES or min(units) < 1:
            raise ValueError(f"units are of {STAGES} stages, not {tuple(units)}")
        self.conv1 = conv1x1(in_channels, STEM)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU()
        *stages, last = widths
        channels = STEM
        for stage, (width, count) in enumerate(zip(stages, units, strict=True)):
            rest = (BasicUnit(width) for _ in range(count - 1))
            sequence = nn.Sequential(DownUnit(channels, width), *rest)
            self.add_module(f"layer{stage + 1}", sequence)
            channels = width
        self.conv2 = conv1x1(channels, last)
        self.bn2 = nn.BatchNorm2d(last)
        self.relu2 = nn.ReLU()

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps: each stage halves the size (rounding up); stem and last map keep it."""
        maps = [self.relu(self.bn1(self.conv1(x)))]
        for stage in range(1, STAGES + 1):
            maps.append(getattr(self, f"layer{stage}")(maps[-1]))
        return [*maps, self.relu2(self.bn2(self.conv2(maps[-1])))]
