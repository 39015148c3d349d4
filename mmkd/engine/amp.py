"""Automatic mixed precision on machines without an accelerator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.runner.amp import autocast
from torch import bfloat16, nn

from mmkd.compat.mmcv_ops import allow_bfloat16
from mmkd.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Optimizer wrapper that runs the forward in bfloat16 autocast, also on a CPU.

    MMEngine's ``AmpOptimWrapper`` requires an accelerator. Losses are not scaled: bfloat16 has the
    exponents of float32, so that small gradients do not vanish.

    Args:
        dtype: ``'bfloat16'``; no other type is accepted.
        **kwargs: Arguments of ``mmengine.optim.OptimWrapper``.

    Raises:
        ValueError: If the type is another one.
    """

    def __init__(self, dtype: str = "bfloat16", **kwargs: Any) -> None:
        if dtype != "bfloat16":
            raise ValueError(f"On a CPU mixed precision means dtype='bfloat16', not {dtype!r}.")
        super().__init__(**kwargs)
        allow_bfloat16()

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), autocast(dtype=bfloat16):
            yield


def use_mixed_precision(config: Config) -> None:
    """Turn on mixed precision in a config, by the wrapper that suits the machine's device."""
    wrapper = config.optim_wrapper
    if get_device() == "cpu":
        wrapper.type = "mmkd.CPUAmpOptimWrapper"
        # Both settings are for float16, which is not used on a CPU.
        wrapper.pop("loss_scale", None)
        wrapper.pop("dtype", None)
    else:
        wrapper.type = "AmpOptimWrapper"
        wrapper.setdefault("loss_scale", "dynamic")
