"""Options that make a frozen network cheaper to run."""

from collections.abc import Iterable

import torch
from mmengine.logging import print_log
from torch import nn

from mmkd.networks.taps import Tap


def fold_batch_norm(network: nn.Module) -> None:
    """Fold each BatchNorm that follows a convolution into that convolution, in place.

    mmcv pairs them by their order in the module, which need not be the order in which they run.
    Therefore the caller has to check that the outputs stay the same.
    """
    from mmcv.cnn import fuse_conv_bn

    fuse_conv_bn(network)


def compile_parts(network: nn.Module, taps: Iterable[Tap]) -> None:
    """Compile the top-level parts of a network in which no tap lies.

    A tap hooks its module anew in every step, and compiled code would not see the hook.
    """
    tapped = {tap.path.split(".")[0] for tap in taps}
    parts = [name for name, _ in network.named_children() if name not in tapped]
    parts = [
        name for name in parts if next(network.get_submodule(name).parameters(), None) is not None
    ]
    for name in parts:
        network.get_submodule(name).compile()
    print_log(
        f"Compiled parts of the teacher: {', '.join(parts) or 'none, all are tapped'}", "current"
    )


def parse_dtype(name: str | None) -> torch.dtype | None:
    """Return the floating-point type of a name such as ``'bfloat16'``."""
    if name is None:
        return None
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"{name!r} is no floating-point type; write 'bfloat16' or 'float16'.")
    return dtype
