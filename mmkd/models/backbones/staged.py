"""Base class of the backbones for small images."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor

# Initialisation of the literature: He et al. (ICCV 2015) over the outputs for convolutions, with
# zero biases.
KAIMING = (
    dict(type="Kaiming", layer="Conv2d", mode="fan_out", nonlinearity="relu"),
    dict(type="Constant", layer="_BatchNorm", val=1.0, bias=0.0),
)


class StagedBackbone(BaseModule):
    """Backbone that counts its maps from the stem's map, 0, and returns selected ones.

    Args:
        maps: number of maps: one of the stem, one per stage, and one more if layers follow the last
            stage.
        out_indices: indices of the maps that ``forward`` returns.
        init_cfg: MMEngine initialisation; ``None`` keeps PyTorch's initialisation.

    Attributes:
        roles: taps of roles, see :class:`mmkd.networks.roles.Roles`, if the literature means other
            tensors than a dry run would select.

    Raises:
        ValueError: if there are no maps of these ``out_indices``.
    """

    roles: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init__(self, maps: int, out_indices: Sequence[int], init_cfg: Any) -> None:
        super().__init__(init_cfg=list(init_cfg) if isinstance(init_cfg, tuple) else init_cfg)
        if not out_indices or not set(out_indices) <= set(range(maps)):
            raise ValueError(f"out_indices are taken from 0..{maps - 1}, not {tuple(out_indices)}")
        self.out_indices = tuple(sorted(out_indices))

    @abstractmethod
    def maps(self, x: Tensor) -> list[Tensor]:
        """Return all maps of images ``(N, in_channels, H, W)``, shallowest first."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return maps ``out_indices`` of images ``(N, in_channels, H, W)``, shallowest first."""
        maps = self.maps(x)
        return tuple(maps[index] for index in self.out_indices)
