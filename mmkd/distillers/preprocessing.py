"""Preprocessing of a batch that several trained networks share."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmkd.teachers.renormalize import Normalization


def share_preprocessing(networks: Mapping[str, nn.Module]) -> None:
    """Give all networks the first one's data preprocessor, if their preprocessors are equal."""
    first, *others = networks
    shared = networks[first].data_preprocessor
    for name in others:
        network: Any = networks[name]
        if _prepares(network) != _prepares(networks[first]):
            raise ValueError(
                "The networks see one batch, prepared by the data_preprocessor of the first, "
                f"{first!r}; that of {name!r} is another. Give them the same mean, std, channel "
                "order and batch augmentations, best by one `data_preprocessor` of the whole "
                "config."
            )
        network.data_preprocessor = shared


def _prepares(network: nn.Module) -> tuple[Normalization | None, list[str]]:
    """Return the normalisation and the augmentations of a network's batch."""
    augments = getattr(network.data_preprocessor, "batch_augments", None)
    return Normalization.of(network), [
        type(augment).__name__ for augment in getattr(augments, "augments", ())
    ]
