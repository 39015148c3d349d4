"""Network of a teacher together with what is known about it."""

from dataclasses import dataclass

from torch import nn

from mmkd.networks.building import Spec
from mmkd.teachers.class_names import Names
from mmkd.teachers.renormalize import Pixels


@dataclass(frozen=True)
class Opened:
    """Network of a teacher together with what its source says about it.

    Attributes:
        network: The network.
        has_weights: Whether it has weights already.
        pixels: Its normalisation, if its source says one.
        classes: Names of its classes, or ``None`` if they are not known.
        size: Height and width of the images that it takes, if it takes one size only.
        described_by: The config that describes it, if there is one.
        preprocesses: Whether the network's ``data_preprocessor``, if it has one, comes from its
            source and not from a default of its class.
    """

    network: nn.Module
    has_weights: bool = False
    pixels: Pixels | None = None
    classes: Names | None = None
    size: tuple[int, int] | None = None
    described_by: Spec | None = None
    preprocesses: bool = True

    @property
    def spec(self) -> Spec:
        """The description of the network: its config, or the network itself."""
        return self.network if self.described_by is None else self.described_by
