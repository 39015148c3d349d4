"""Size of a network: its parameters, and the multiply-adds of its forward."""

import torch
from mmengine.analysis import FlopAnalyzer
from torch import Tensor, nn

from mmkd.networks.dry_run import evaluating

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
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    with evaluating(network), torch.random.fork_rng(devices):
        try:
            return int(analyzer.total())
        except Exception:  # Tracing runs foreign code, which may fail in any way.
            return None


def short(number: float) -> str:
    """Return a number with three digits and a unit, such as ``11.7 M``."""
    for size, unit in UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g}"
