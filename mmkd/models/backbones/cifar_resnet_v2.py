"""Wider ResNets of the CIFAR distillation literature (ResNet18, ResNet50)."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmkd.models.backbones.convolutions import conv1x1, conv3x3
from mmkd.models.backbones.staged import KAIMING, StagedBackbone
from mmkd.registry import MODELS

STAGES = 4


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """Return the shortcut of a block: 1x1 convolution and batch norm; empty for equal shapes."""
    if stride == 1 and in_channels == out_channels:
        return nn.Sequential()
    return nn.Sequential(conv1x1(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Block of two 3x3 convolutions and a shortcut; ``relu`` is the last operation only."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = projection(in_channels, width, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, width, H / stride, W / stride)``."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        activated: Tensor = self.relu(out + self.shortcut(x))
        return activated


class Bottleneck(nn.Module):
    """Block of 1x1, 3x3, 1x1 convolutions and a shortcut; ``relu`` is the last operation only."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = self.expansion * width
        self.conv1 = conv1x1(in_channels, width)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = conv1x1(width, out_channels)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = projection(in_channels, out_channels, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, 4 width, H / stride, W / stride)``."""
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        activated: Tensor = self.relu(out + self.shortcut(x))
        return activated


DEPTHS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


@MODELS.register_module()
class CIFARResNetV2(StagedBackbone):
    """ImageNet's ResNet for small images: a 3x3 stem without pooling, and four stages.

    Deep Residual Learning for Image Recognition (CVPR 2016), table 1, with a stem of stride 1 for
    CIFAR's small images. "V2" is the distillation literature's name for its second family of
    ResNets; activations come after the convolutions, as in the first family. Keys are those of the
    published checkpoints under ``backbone.``.

    Taps: ``backbone.relu`` is the stem's map, ``backbone.layer1`` to ``backbone.layer4`` are the
    maps of the stages, and ``backbone.layer<k>.<last block>.relu:input`` is a stage's map before
    its last ReLU (the last blocks of ResNet18 are 1, 1, 1, 1, of ResNet50 2, 3, 5, 2).

    Args:
        depth: 18, 34, 50, 101 or 152.
        base_channels: channels of the stem; the stages' blocks are 1, 2, 4 and 8 times as wide.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 4
            are those of the stages.
        init_cfg: MMEngine initialisation; by default that of the literature: Kaiming normal (fan
            out) for convolutions, 1 and 0 for batch norm.

    Raises:
        ValueError: if ``depth`` or ``out_indices`` do not describe such a network.
    """

    def __init__(
        self,
        depth: int,
        base_channels: int = 64,
        in_channels: int = 3,
        out_indices: Sequence[int] = (STAGES,),
        init_cfg: Any = KAIMING,
    ) -> None:
        super().__init__(STAGES + 1, out_indices, init_cfg)
        if depth not in DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(map(str, DEPTHS))}: {depth}")
        kind, blocks = DEPTHS[depth]
        self.conv1 = conv3x3(in_channels, base_channels)
        self.bn1 = nn.BatchNorm2d(base_channels)
        self.relu = nn.ReLU()
        channels = base_channels
        for stage, count in enumerate(blocks):
            width = base_channels * 2**stage
            first = kind(channels, width, stride=2 if stage else 1)
            channels = kind.expansion * width
            rest = (kind(channels, width) for _ in range(count - 1))
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, *rest))

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps: stem and stage 1 keep the size, stages 2 to 4 halve it (rounding up)."""
        maps = [self.relu(self.bn1(self.conv1(x)))]
        for stage in range(1, STAGES + 1):
            maps.append(getattr(self, f"layer{stage}")(maps[-1]))
        return maps
