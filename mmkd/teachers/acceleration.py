"""Options that make a frozen network cheaper to run."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmkd.compat.older_torch import cpu_has_bfloat16, gpu_has_bfloat16
from mmkd.networks.taps import Tap

MEMORY_FORMATS = {"channels_last": torch.channels_last}
SPEEDS = ("exact", "fast")
COMPILE_OPTIONS = {*inspect.signature(torch.compile).parameters} - {"model"}
Tensors = Mapping[Tap, Tensor]


def parse_dtype(name: str | None) -> torch.dtype | None:
    """Return the floating-point type of a name such as ``'bfloat16'``."""
    if name is None:
        return None
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"{name!r} is no floating-point type; write 'bfloat16' or 'float16'.")
    return dtype


def computes_bfloat16() -> bool:
    """Return whether the device of the run has instructions for bfloat16.

    Without them the device computes in bfloat16 several times slower than in float32.
    """
    if (device := get_device()) == "cuda":
        return gpu_has_bfloat16()
    if device == "cpu":
        return cpu_has_bfloat16()
    return False


@dataclass(frozen=True)
class Acceleration:
    """Options of a frozen network.

    Attributes:
        dtype: Floating-point type in which it runs; ``None`` for that of its weights.
        memory_format: Memory format of its weights and input; ``None`` for that of its weights.
        fold_bn: Whether batch norms are folded into the convolutions before them.
        compile: Options of ``torch.compile``; ``None`` if the network is not compiled.
        tried: Whether the accelerated network is compared with the exact one on the first images of
            a run, and given up if it does not agree or is slower.
    """

    dtype: torch.dtype | None
    memory_format: torch.memory_format | None
    fold_bn: bool
    compile: Mapping[str, Any] | None
    tried: bool

    @classmethod
    def read(
        cls,
        speed: str,
        dtype: str | None,
        memory_format: str | None,
        fold_bn: bool,
        compile: bool | Mapping[str, Any],
    ) -> "Acceleration":
        """Read a teacher's arguments.

        Raises:
            ValueError: If one of them is not allowed.
        """
        if speed not in SPEEDS:
            raise ValueError(f"speed must be one of {[*SPEEDS]}, not {speed!r}.")
        fast = speed == "fast"
        half = fast and computes_bfloat16()
        memory_format = memory_format or ("channels_last" if half else None)
        if memory_format not in (None, *MEMORY_FORMATS):
            raise ValueError(
                f"memory_format must be one of {[*MEMORY_FORMATS]}, not {memory_format!r}."
            )
        options = compile if isinstance(compile, Mapping) else {} if compile or fast else None
        if unknown := {*(options or {})} - COMPILE_OPTIONS:
            raise ValueError(
                f"compile has no option {', '.join(sorted(unknown))}; torch.compile takes "
                f"{', '.join(sorted(COMPILE_OPTIONS))}."
            )
        return cls(
            dtype=parse_dtype(dtype or ("bfloat16" if half else None)),
            memory_format=MEMORY_FORMATS.get(memory_format or ""),
            fold_bn=fold_bn or fast,
            compile=options,
            tried=fast,
        )

    @property
    def given(self) -> list[str]:
        """Names of the arguments that change how the network runs, compared with its own code."""
        if self.tried:
            return ["speed='fast'"]
        given = dict(dtype=self.dtype, fold_bn=self.fold_bn, compile=self.compile is not None)
        return [name for name, value in given.items() if value]


AS_WRITTEN = Acceleration.read("exact", None, None, fold_bn=False, compile=False)


def fold_batch_norm(network: nn.Module, run: Callable[[], Tensors]) -> str | None:
    """Fold each batch norm that follows a convolution into that convolution, in place.

    mmcv pairs them by their order in the module, which need not be the order in which they run.
    Therefore the outputs before and after are compared. Folding and comparison take place in the
    type of the weights: in bfloat16 the rounding of a trained network would hide, or look like, a
    wrong pair.

    Args:
        network: The network, in eval mode.
        run: Function that runs it on an example and returns the tensors at its taps.

    Returns:
        The reason why the network's outputs changed, or ``None`` if they did not.
    """
    from mmcv.cnn import fuse_conv_bn

    before = run()
    try:
        fuse_conv_bn(network)
        after = run()
    # a batch norm of another size, or without weights, was folded into a convolution
    except (RuntimeError, TypeError) as error:
        return f"a batch norm does not fit the convolution before it ({error})"
    finally:
        network.requires_grad_(False)  # folding makes new parameters
    errors = {tap: relative_error(after[tap], before[tap]) for tap in before}
    wrong = {tap: e for tap, e in errors.items() if not e <= _tolerance(before[tap].dtype)}
    if not wrong:
        return None
    worst = max(wrong, key=lambda tap: wrong[tap])
    return (
        f"its layers do not run in the order in which they are defined (at '{worst}' the output "
        f"changes by {wrong[worst]:.1%})"
    )


def _tolerance(dtype: torch.dtype) -> float:
    """Return the rounding of a deep network in a type, as a share of its output's norm."""
    return 1e-3 if torch.finfo(dtype).bits >= 32 else 1e-1


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Return the norm of the difference of two tensors, as a share of the second one's norm."""
    expected = expected.float()
    error = (found.float() - expected).norm()
    return float(error / expected.norm().clamp(min=torch.finfo(torch.float32).tiny))


def compile_network(network: nn.Module, options: Mapping[str, Any]) -> None:
    """Compile a network; of a model of OpenMMLab, whose forward has several modes, its parts.

    The tensors at taps are caught inside compiled code, too.

    Args:
        network: The network.
        options: Options of ``torch.compile``.
    """
    whole = not isinstance(network, BaseModel)
    parts = {"": network} if whole else dict(network.named_children())
    for part in parts.values():
        if next(part.parameters(), None) is not None:
            part.compile(**options)
