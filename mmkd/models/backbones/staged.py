"""What the backbones for small images have in common."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor

# The field's: He et al. (ICCV 2015) over the outputs for convolutions, their biases zero.
KAIMING = (
    dict(type="Kaiming", layer="Conv2d", mode="fan_out", nonlinearity="relu"),
    dict(type="Constant", layer="_BatchNorm", val=1.0, bias=0.0),
)


class StagedBackbone(BaseModule):
    """A backbone that counts its maps from the stem's, 0, and returns those that are asked for.

    Args:
        maps: how many maps there are: the stem's, one a stage, and one more where layers follow
            the last stage.
        out_indices: which maps ``forward`` returns.
        init_cfg: MMEngine initialisation; ``None`` leaves what PyTorch initialises.

    Attributes:
        roles: taps of roles, see :class:`mmkd.networks.roles.Roles`, where the literature means
            others than a dry run would find.

    Raises:
        ValueError: if ``out_indices`` are not of these maps.
    """

    roles: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init__(self, maps: int, out_indices: Sequence[int], init_cfg: Any) -> None:
        super().__init__(init_cfg=list(init_cfg) if isinstance(init_cfg, tuple) else init_cfg)
        if not out_indices or not set(out_indices) <= set(range(maps)):
            raise ValueError(f"out_indices are taken from 0..{maps - 1}, not {tuple(out_indices)}")
        self.out_indices = tuple(sorted(out_indices))

    @abstractmethod
    def maps(self, x: Tensor) -> list[Tensor]:
        """Images ``(N, in_channels, H, W)`` to all maps, shallowest first."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Images ``(N, in_channels, H, W)`` to the maps of ``out_indices``, shallowest first."""
        maps = self.maps(x)
        return tuple(maps[index] for index in self.out_indices)
