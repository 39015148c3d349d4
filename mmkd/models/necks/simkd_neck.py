"""Projector of SimKD, a part of the student."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from mmkd.registry import MODELS


@MODELS.register_module()
class SimKDNeck(BaseModule):
    """A bottleneck of three convolutions from the student's channels to the teacher's.

    Knowledge Distillation with the Reused Teacher Classifier (Chen et al., CVPR 2022), as in the
    released code: 1x1, 3x3 and 1x1, each with batch norm and ReLU. It stands between a classifier's
    backbone and its pooling, ``neck=[dict(type='mmkd.SimKDNeck', ...),
    dict(type='GlobalAveragePooling')]``, and stays in the student after training. The resolution is
    that of the student's map, or ``size`` if that map is larger.

    Args:
        in_channels: Channels of the student's last map.
        out_channels: Channels of the teacher's last map, which its classifier reads.
        factor: Divisor of ``out_channels`` that gives the number of channels of the bottleneck.
        size: Height and width of the teacher's map, for a student with a larger map: as in the
            released code, the student's map is averaged to that size before the projector.
        init_cfg: MMEngine initialisation; ``None`` keeps PyTorch's initialisation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        factor: int = 2,
        size: int | None = None,
        init_cfg: dict[str, object] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 1 <= factor <= out_channels:
            raise ValueError(f"The factor divides out_channels: 1 to {out_channels}, not {factor}.")
        self.size = size
        middle, layers = out_channels // factor, list[nn.Module]()
        for inputs, outputs, size in (
            (in_channels, middle, 1),
            (middle, middle, 3),
            (middle, out_channels, 1),
        ):
            layers.append(nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
        self.projector = nn.Sequential(*layers)

    def forward(self, features: Tensor | Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Project the last of the backbone's maps (N, C, H, W); a tuple gives a tuple of one."""
        if not isinstance(features, Tensor):
            return (self.project(features[-1]),)
        return self.project(features)

    def project(self, maps: Tensor) -> Tensor:
        """Return maps (N, C, H, W) with the teacher's channels."""
        if self.size is not None and max(maps.shape[2:]) > self.size:
            maps = adaptive_avg_pool2d(maps, self.size)
        projected: Tensor = self.projector(maps)
        return projected
