"""Functions that torch before 2.4 lacks or has under other names. mmkd supports 2.1 and up."""

from collections.abc import Callable

import torch

# Whether torch.compile traces this code. torch 2.1 and 2.2 have it in torch._dynamo.
is_compiling: Callable[[], bool] = getattr(
    torch.compiler, "is_compiling", torch._dynamo.is_compiling
)


def cpu_has_bfloat16() -> bool:
    """Return whether the processor has instructions for bfloat16; False if torch cannot tell."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


def gpu_has_bfloat16() -> bool:
    """Return whether the GPU computes bfloat16 natively, and does not emulate it in float32."""
    supported = torch.cuda.is_bf16_supported
    try:
        return bool(supported(including_emulation=False))
    except TypeError:  # torch before 2.4 does not count emulation
        return bool(supported())
