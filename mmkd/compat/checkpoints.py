"""Reading checkpoints without executing what is in them."""

import os
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
STATISTICS = ("min", "max", "mean", "current")


class UnsafeCheckpointError(RuntimeError):
    """A checkpoint holds more than tensors and plain data, and was not loaded."""


class BrokenCheckpointError(RuntimeError):
    """A file is no checkpoint, or is damaged."""


def _statistics_method(owner: Any, name: str, *default: Any) -> Any:
    """Stand in for ``getattr``, by which a pickled log buffer refers to its statistics."""
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise pickle.UnpicklingError(f"Unsupported GLOBAL getattr({owner!r}, {name!r})")
    return getattr(owner, name)


def _mmengine_globals() -> list[Any]:
    """Return what MMEngine pickles besides tensors: log buffers of numpy arrays."""
    core: Any = np._core if hasattr(np, "_core") else np.core  # numpy 2 and 1
    kinds = (np.uint32, np.int32, np.int64, np.float32, np.float64)
    rebuild = (core.multiarray._reconstruct, core.multiarray.scalar)
    return [
        HistoryBuffer,
        (_statistics_method, "builtins.getattr"),
        # Under the names of either numpy, whichever wrote the checkpoint.
        *((f, f"numpy.core.multiarray.{f.__name__}") for f in rebuild),
        *((f, f"numpy._core.multiarray.{f.__name__}") for f in rebuild),
        np.ndarray,
        np.dtype,
        *(type(np.dtype(kind)) for kind in kinds),
    ]


def allow_mmengine_checkpoints() -> None:
    """Let torch's safe loader read MMEngine's own checkpoints, so that runs can be resumed."""
    torch.serialization.add_safe_globals(_mmengine_globals())


@contextmanager
def _weights_only_everywhere() -> Iterator[None]:
    """Make every ``torch.load`` inside safe, also those that ask for full unpickling."""
    before = os.environ.get(FORCE)
    os.environ[FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FORCE]
        else:
            os.environ[FORCE] = before


def load_checkpoint(path: str | Path, trust: bool = False) -> Any:
    """Load a checkpoint to the CPU, refusing one that would execute code.

    Args:
        path: A file, or any address that MMEngine's checkpoint loader knows (``https://``,
            ``torchvision://``, ...).
        trust: Whether to unpickle everything that it holds. That executes whatever its author put
            there.

    Raises:
        UnsafeCheckpointError: If it holds anything but tensors and plain data and is not trusted.
        BrokenCheckpointError: If it is no checkpoint, or damaged.
        FileNotFoundError: If it does not exist.
    """
    path = os.path.expanduser(str(path))
    try:
        if trust:
            return _load(path, weights_only=False)
        # Not as a context: torch's removes at its end what was allowed before it, too.
        allow_mmengine_checkpoints()
        with _weights_only_everywhere():
            return _load(path, weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (.+?)(?= was not| whose|\n|$)", str(error))
        if refused is None or trust:
            raise BrokenCheckpointError(f"{path} is no checkpoint, or is damaged.") from error
        raise UnsafeCheckpointError(
            f"Refused to load {path}: it holds more than tensors and plain data, and loading it "
            "could execute code. If you trust its author, say trust_checkpoint=True. (It asks for "
            f"{refused[1]}.)"
        ) from error
    except (EOFError, OSError, RuntimeError) as error:
        if not os.path.isfile(path):
            raise
        raise BrokenCheckpointError(
            f"{path} cannot be read as a checkpoint; it may be damaged: {error}"
        ) from error


def _load(path: str, weights_only: bool) -> Any:
    if os.path.isfile(path):
        return torch.load(path, map_location="cpu", weights_only=weights_only)
    return CheckpointLoader.load_checkpoint(path, map_location="cpu")
