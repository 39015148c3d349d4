"""VGG networks of the CIFAR distillation literature (vgg8, vgg13, ...)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from mmkd.models.backbones.staged import KAIMING, StagedBackbone
from mmkd.registry import MODELS

STAGES = 5
# Numbers of convolutions per stage; the names count three more fully connected layers, of which one
# is left.
CONVOLUTIONS = {
    8: (1, 1, 1, 1, 1),
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
LARGE = 64


def block(in_channels: int, out_channels: int, convolutions: int) -> nn.Sequential:
    """Return 3x3 convolutions with batch norm, and ReLU between them but not at the end.

    The last ReLU belongs to the network, so that the published keys keep their numbers and the
    output of the block is the stage's map before its activation.
    """
    layers: list[nn.Module] = []
    for index in range(convolutions):
        channels = out_channels if index else in_channels
        layers += [
            nn.Conv2d(channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers[:-1])


@MODELS.register_module()
class CIFARVGG(StagedBackbone):
    """VGG with batch norm for small images: five stages, the first of which counts as the stem.

    Very Deep Convolutional Networks for Large-Scale Image Recognition (ICLR 2015) and, for the
    shallower vgg8, the distillation literature. Max pooling halves the size after stages 0, 1 and
    2; also after stage 3 for images of 64 pixels and more (Tiny-ImageNet), as in the literature,
    so that the last map is 4x4 at 32 and at 64 pixels. Keys are those of the published checkpoints
    under ``backbone.``.

    Taps: ``backbone.relu0`` to ``backbone.relu4`` are the maps of the stages (before pooling), and
    ``backbone.block0`` to ``backbone.block4`` are the same maps before their last ReLU.

    Args:
        depth: 8, 11, 13, 16 or 19.
        widths: channels of the five stages.
        in_channels: channels of the image (1 for grey images).
        out_indices: indices of the maps that ``forward`` returns: 0 to 4 for the stages.
        init_cfg: MMEngine initialisation; by default that of the literature: Kaiming normal (fan
            out) and zero bias for convolutions, 1 and 0 for batch norm.

    Raises:
        ValueError: if ``depth``, ``widths`` or ``out_indices`` do not describe such a network.
    """

    roles: ClassVar[Mapping[str, Sequence[str]]] = dict(
        stages=[f"relu{stage}" for stage in (1, 2, 3, 4)]
    )

    def __init__(
        self,
        depth: int,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        in_channels: int = 3,
        out_indices: Sequence[int] = (STAGES - 1,),
        init_cfg: Any = KAIMING,
    ) -> None:
        super().__init__(STAGES, out_indices, init_cfg)
        if depth not in CONVOLUTIONS:
            raise ValueError(f"depth must be one of {', '.join(map(str, CONVOLUTIONS))}: {depth}")
        if len(widths) != STAGES:
            raise ValueError(f"widths are of {STAGES} stages, not {tuple(widths)}")
        channels = (in_channels, *widths)
        for stage, convolutions in enumerate(CONVOLUTIONS[depth]):
            sequence = block(channels[stage], channels[stage + 1], convolutions)
            self.add_module(f"block{stage}", sequence)
            self.add_module(f"relu{stage}", nn.ReLU())
        self.pool = nn.MaxPool2d(2)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps: stage 0 keeps the size; see the class for the pooling between stages."""
        pooled = (0, 1, 2, 3) if x.shape[-2] >= LARGE else (0, 1, 2)
        maps = []
        for stage in range(STAGES):
            x = getattr(self, f"relu{stage}")(getattr(self, f"block{stage}")(x))
            maps.append(x)
            if stage in pooled:
                x = self.pool(x)
        return maps
