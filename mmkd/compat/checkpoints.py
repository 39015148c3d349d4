"""Loading of checkpoints without executing code in them."""

import functools
import inspect
import os
import pickle
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import mmengine.runner.checkpoint
import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file

from mmkd.compat.archives import BrokenCheckpointError, CheckpointError, check_file

FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
STATISTICS = ("min", "max", "mean", "current")

_trusted: ContextVar[bool] = ContextVar("trusted", default=False)
# MMEngine's original loader for all addresses, which is replaced below.
_load_address = inspect.unwrap(CheckpointLoader.load_checkpoint.__func__)


class UnsafeCheckpointError(CheckpointError):
    """Error for a checkpoint with more than tensors and plain data, which was not loaded."""


def _statistics_method(owner: Any, name: str, *default: Any) -> Any:
    """Replace ``getattr``, by which a pickled log buffer refers to its statistics."""
    if owner is not HistoryBuffer or name not in STATISTICS:
        raise pickle.UnpicklingError(f"Unsupported GLOBAL getattr({owner!r}, {name!r})")
    return getattr(owner, name)


def _mmengine_globals() -> list[Any]:
    """Return the globals that MMEngine pickles besides tensors: log buffers of numpy arrays."""
    core: Any = np._core if hasattr(np, "_core") else np.core  # numpy 2 and 1
    kinds = (np.uint32, np.int32, np.int64, np.float32, np.float64)
    rebuild = (core.multiarray._reconstruct, core.multiarray.scalar)
    return [
        HistoryBuffer,
        (_statistics_method, "builtins.getattr"),
        # Both numpys' names are registered, because either may have written the checkpoint.
        *((f, f"numpy.core.multiarray.{f.__name__}") for f in rebuild),
        *((f, f"numpy._core.multiarray.{f.__name__}") for f in rebuild),
        np.ndarray,
        np.dtype,
        *(type(np.dtype(kind)) for kind in kinds),
    ]


def allow_mmengine_checkpoints() -> None:
    """Allow torch's safe loader to read MMEngine's checkpoints, so that runs can be resumed."""
    torch.serialization.add_safe_globals(_mmengine_globals())


@contextmanager
def _weights_only_everywhere() -> Iterator[None]:
    """Make every ``torch.load`` inside safe, including those that ask for full unpickling."""
    before = os.environ.get(FORCE)
    os.environ[FORCE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FORCE]
        else:
            os.environ[FORCE] = before


@contextmanager
def trusting(trust: bool) -> Iterator[None]:
    """Set for all loading inside whether checkpoints may execute code, from a run's config."""
    token = _trusted.set(trust)
    try:
        yield
    finally:
        _trusted.reset(token)


def trusted() -> bool:
    """Return whether the run said that what it reads may execute code."""
    return _trusted.get()


def load_checkpoint(path: str | Path, trust: bool = False, map_location: Any = "cpu") -> Any:
    """Load a checkpoint, refusing one that is damaged or would execute code.

    Args:
        path: A file, or any address that MMEngine's checkpoint loader knows (``https://``,
            ``torchvision://``, ...).
        trust: Whether to unpickle everything in it. That executes any code that its author put
            there.
        map_location: Device to load to, in the form that ``torch.load`` takes.

    Raises:
        UnsafeCheckpointError: If it contains more than tensors and plain data and is not trusted.
        BrokenCheckpointError: If it is no checkpoint, or damaged, or would grow to many times its
            size.
        FileNotFoundError: If it does not exist.
    """
    path = os.path.expanduser(str(path))
    # This is not a context: torch's context removes at its end all that was allowed before, too,
    # and MMEngine uses it.
    allow_mmengine_checkpoints()
    safely: AbstractContextManager[None] = nullcontext() if trust else _weights_only_everywhere()
    with trusting(trust), safely, _in_words(path, trust):
        if os.path.isfile(path):
            if path.endswith(".safetensors"):  # a container without code
                return load_file(path, device=str(map_location or "cpu"))
            check_file(path)
            return torch.load(path, map_location=map_location, weights_only=not trust)
        return _load_address(CheckpointLoader, path, map_location)


@contextmanager
def _in_words(path: str, trust: bool) -> Iterator[None]:
    """Replace torch's error for a file that it does not load by one that tells what to do."""
    try:
        yield
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (.+?)(?= was not| whose|\n|$)", str(error))
        if refused is None or trust:
            raise BrokenCheckpointError(f"{path} is no checkpoint, or is damaged.") from error
        raise UnsafeCheckpointError(
            f"Refused to load {path}: it holds more than tensors and plain data, and loading it "
            "could execute code. If you trust its author, say trust_checkpoint=True, in the config "
            "of the teacher or of the run, or --trust-checkpoint to a tool. (It asks for "
            f"{refused[1]}.)"
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        if not os.path.isfile(path):
            raise
        raise BrokenCheckpointError(
            f"{path} cannot be read as a checkpoint; it may be damaged: {error}"
        ) from error


@functools.wraps(_load_address)
def _load_for_mmengine(
    cls: type[CheckpointLoader], filename: str, map_location: Any = None, logger: Any = "current"
) -> Any:
    """Load a checkpoint for MMEngine, without the one field that MMEngine would execute.

    Old versions wrote their config into ``meta['config']``, as Python code, which ``Runner.resume``
    executes. Current versions write ``meta['cfg']``, which nothing reads.
    """
    trust = _trusted.get()
    checkpoint = load_checkpoint(filename, trust, map_location)
    if not trust and isinstance(checkpoint, dict) and isinstance(checkpoint.get("meta"), dict):
        checkpoint["meta"].pop("config", None)
    return checkpoint


def _load_url(
    url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True
) -> Any:
    """Download a file as torch does, unless it is cached, and load it like any other file."""
    folder = model_dir or os.path.join(torch.hub.get_dir(), "checkpoints")
    path = os.path.join(folder, os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        torch.hub.download_url_to_file(url, path, None, progress)
    return load_checkpoint(path, _trusted.get(), map_location)


def load_all_checkpoints_safely() -> None:
    """Make MMEngine read every checkpoint by :func:`load_checkpoint`.

    That covers ``load_from``, ``resume``, ``init_cfg=dict(type='Pretrained')`` and the checkpoints
    that backbones load.
    """
    allow_mmengine_checkpoints()
    CheckpointLoader.load_checkpoint = classmethod(_load_for_mmengine)
    mmengine.runner.checkpoint.load_url = _load_url
