"""ResNets of the CIFAR distillation literature (resnet20, resnet8x4, ...)."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmkd.models.backbones.convolutions import conv1x1, conv3x3
from mmkd.models.backbones.staged import KAIMING, StagedBackbone
from mmkd.registry import MODELS

STAGES = 3


class BasicBlock(nn.Module):
    """Block of two 3x3 convolutions and a shortcut, projected (1x1) if the shape changes.

    ``relu`` is only used for the last operation, so a tap on its *input* reads the map before the
    activation. No ReLU works in place: a tensor must not change after a tap has read it, and
    autograd keeps only a ReLU's output, so this costs no lasting memory.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                conv1x1(in_channels, out_channels, stride),
                nn.BatchNorm2d(out_channels),
            )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H / stride, W / stride)``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        activated: Tensor = self.relu(out + shortcut)
        return activated


@MODELS.register_module()
class CIFARResNet(StagedBackbone):
    """ResNet for small images: a 3x3 stem and three stages at strides 1, 2 and 2.

    Deep Residual Learning for Image Recognition (CVPR 2016), section 4.2, with the projection
    shortcuts and the widths that the distillation literature uses: ``resnetD`` is
    ``widths=(16, 16, 32, 64)``, ``resnetDx4`` is ``widths=(32, 64, 128, 256)``. Keys are those of
    the published checkpoints under ``backbone.``; see :func:`mmkd.models.keys.classifier_keys`.

    Taps: ``backbone.relu`` is the stem's map, ``backbone.layer1`` to ``backbone.layer3`` are the
    maps of the stages, and ``backbone.layer<k>.<last block>.relu:input`` is a stage's map before
    its last ReLU.

    Args:
        depth: ``6 n + 2`` with ``n`` blocks per stage: 8, 14, 20, 32, 44, 56, 110, ...
        widths: channels of the stem and of the three stages.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 3
            are those of the stages.
        init_cfg: MMEngine initialisation; by default that of the literature: Kaiming normal (fan
            out) for convolutions, 1 and 0 for batch norm.

    Raises:
        ValueError: if ``depth``, ``widths`` or ``out_indices`` do not describe such a network.
    """

    def __init__(
        self,
        depth: int,
        widths: Sequence[int] = (16, 16, 32, 64),
        in_channels: int = 3,
        out_indices: Sequence[int] = (STAGES,),
        init_cfg: Any = KAIMING,
    ) -> None:
        super().__init__(STAGES + 1, out_indices, init_cfg)
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"depth must be 6 n + 2 (8, 14, 20, 32, 44, 56, ...), not {depth}")
        if len(widths) != STAGES + 1:
            raise ValueError(f"widths are of the stem and {STAGES} stages, not {tuple(widths)}")
        stem, *stages = widths
        self.conv1 = conv3x3(in_channels, stem)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU()
        self.layer1 = self._stage(stem, stages[0], blocks, stride=1)
        self.layer2 = self._stage(stages[0], stages[1], blocks, stride=2)
        self.layer3 = self._stage(stages[1], stages[2], blocks, stride=2)

    @staticmethod
    def _stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Sequential:
        first = BasicBlock(in_channels, out_channels, stride)
        rest = (BasicBlock(out_channels, out_channels) for _ in range(blocks - 1))
        return nn.Sequential(first, *rest)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps: stem and stage 1 keep the size, stages 2, 3 halve it (rounding up)."""
        maps = [self.relu(self.bn1(self.conv1(x)))]
        for stage in (self.layer1, self.layer2, self.layer3):
            maps.append(stage(maps[-1]))
        return maps
