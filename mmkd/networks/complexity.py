"""Size of a network: its parameters, and the multiply-adds of its forward."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.analysis import FlopAnalyzer
from torch import Tensor, nn

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def parameter_count(network: nn.Module, trained: bool = False) -> int:
    """Return the number of a network's parameters, or of those that are trained."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad or not trained)


def multiply_adds(network: nn.Module, inputs: Tensor) -> int | None:
    """Return the multiply-adds of a forward, or ``None`` for a network that cannot be traced.

    MMEngine counts them; papers mostly call this number FLOPs. The network, its mode and the state
    of the random number generators stay as they are.

    Args:
        network: The network. It is run in eval mode.
        inputs: An input, shape (N, C, H, W); the count is that of all N images.
    """
    analyzer = FlopAnalyzer(network, inputs)
    analyzer.unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    analyzer.tracer_warnings("none")
    with _undisturbed(network, inputs.device), torch.no_grad():
        try:
            return int(analyzer.total())
        except Exception:  # Tracing runs foreign code, which may fail in any way.
            return None


@contextmanager
def _undisturbed(network: nn.Module, device: torch.device) -> Iterator[None]:
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def short(number: float) -> str:
    """Return a number with three digits and a unit, such as ``11.7 M``."""
    for size, unit in UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g}"
