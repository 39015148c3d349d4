"""Contexts in which batch norms normalise by the batch or keep their running statistics."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def keep_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch norms normalise as before, and keep their running statistics unchanged."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


@contextmanager
def batch_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch norms in eval mode normalise by the batch, without any lasting change."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and not m.training]
    for norm in norms:
        norm.training = True
    try:
        with keep_statistics(network):
            yield
    finally:
        for norm in norms:
            norm.training = False
