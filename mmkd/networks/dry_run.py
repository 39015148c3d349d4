"""Dry runs: forwards by which a network is examined before it is trained."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Let a network run without training it or its statistics.

    Afterwards each module is in the mode in which it was. ``train()`` and ``eval()`` of networks
    need not return the network.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def in_words(error: Exception) -> str:
    """Return what an exception of a foreign network says, with its kind where it says little."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else f"{type(error).__name__} without a text"
