"""Wide ResNets of the CIFAR distillation literature (wrn_16_2, wrn_40_2, ...)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from mmkd.models.backbones.convolutions import conv1x1, conv3x3
from mmkd.models.backbones.staged import KAIMING, StagedBackbone
from mmkd.registry import MODELS

STAGES = 3
STEM = 16


class PreActivationBlock(nn.Module):
    """Block of batch norm and ReLU before each of two 3x3 convolutions, and a shortcut.

    If the number of channels changes, the first activation is shared: the shortcut is a 1x1
    convolution of the activated input, not of the input.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU()
        self.conv2 = conv3x3(out_channels, out_channels)
        self.convShortcut: nn.Module | None = None
        if in_channels != out_channels:
            self.convShortcut = conv1x1(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H / stride, W / stride)``."""
        activated = self.relu1(self.bn1(x))
        shortcut = x if self.convShortcut is None else self.convShortcut(activated)
        out: Tensor = self.conv2(self.relu2(self.bn2(self.conv1(activated))))
        return out + shortcut


class Stage(nn.Module):
    """Blocks in a row, the first with the stage's stride; published keys have them in ``layer``."""

    def __init__(self, in_channels: int, out_channels: int, blocks: int, stride: int) -> None:
        super().__init__()
        first = PreActivationBlock(in_channels, out_channels, stride)
        rest = (PreActivationBlock(out_channels, out_channels) for _ in range(blocks - 1))
        self.layer = nn.Sequential(first, *rest)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H / stride, W / stride)``."""
        out: Tensor = self.layer(x)
        return out


@MODELS.register_module()
class CIFARWideResNet(StagedBackbone):
    """Wide ResNet for small images: a 3x3 stem and three stages at strides 1, 2 and 2.

    Wide Residual Networks (BMVC 2016), without dropout: ``wrn_D_K`` is ``depth=D,
    widen_factor=K``. Keys are those of the published checkpoints under ``backbone.``.

    Taps: ``backbone.conv1`` is the stem's map, and ``backbone.block1`` to ``backbone.block3`` are
    the maps of the stages. None of them is activated: the batch norm and ReLU at the end of a stage
    are the first layers of the next one. The maps before that ReLU are
    ``backbone.block2.layer.0.bn1``, ``backbone.block3.layer.0.bn1`` and ``backbone.bn1``; those
    after it are ``backbone.block2.layer.0.relu1``, ``backbone.block3.layer.0.relu1`` and
    ``backbone.relu``.

    (mdistiller's code runs those batch norms a second time in each forward to list their outputs,
    so that in training their running statistics move twice a step. Here they move once.)

    Args:
        depth: ``6 n + 4`` with ``n`` blocks per stage: 10, 16, 22, 28, 40, ...
        widen_factor: factor of the stages' channels, which are 16, 32 and 64 times this.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 is the map of the stem, 1 to 3
            are those of the stages, 4 is that of the last stage after batch norm and ReLU, which
            the head reads.
        init_cfg: MMEngine initialisation; by default that of the literature: Kaiming normal (fan
            out) for convolutions, 1 and 0 for batch norm.

    Raises:
        ValueError: if ``depth``, ``widen_factor`` or ``out_indices`` do not describe such a
            network.
    """

    roles: ClassVar[Mapping[str, Sequence[str]]] = dict(
        stages=["block1", "block2", "block3"],
        preact=["block2.layer.0.bn1", "block3.layer.0.bn1", "bn1"],
    )

    def __init__(
        self,
        depth: int,
        widen_factor: int = 1,
        in_channels: int = 3,
        out_indices: Sequence[int] = (STAGES + 1,),
        init_cfg: Any = KAIMING,
    ) -> None:
        super().__init__(STAGES + 2, out_indices, init_cfg)
        blocks, rest = divmod(depth - 4, 6)
        if rest or blocks < 1:
            raise ValueError(f"depth must be 6 n + 4 (10, 16, 22, 28, 40, ...), not {depth}")
        if widen_factor < 1:
            raise ValueError(f"widen_factor must be 1 or more, not {widen_factor}")
        widths = [16 * widen_factor, 32 * widen_factor, 64 * widen_factor]
        self.conv1 = conv3x3(in_channels, STEM)
        self.block1 = Stage(STEM, widths[0], blocks, stride=1)
        self.block2 = Stage(widths[0], widths[1], blocks, stride=2)
        self.block3 = Stage(widths[1], widths[2], blocks, stride=2)
        self.bn1 = nn.BatchNorm2d(widths[2])
        self.relu = nn.ReLU()

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps: stem and stage 1 keep the size, stages 2, 3 halve it (rounding up)."""
        maps = [self.conv1(x)]
        for stage in (self.block1, self.block2, self.block3):
            maps.append(stage(maps[-1]))
        return [*maps, self.relu(self.bn1(maps[-1]))]
