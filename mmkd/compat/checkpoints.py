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

import mmengine.runner.checkpoint
import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file

from mmkd.compat.archives import BrokenCheckpointError, CheckpointError, check_file
from mmkd.compat.shipped import shipped
from mmkd.compat.weight_sources import (
    SHIPPED,
    VARIABLE,
    SourceError,
    addresses,
    file_name,
    local_copy,
    mirror_of,
)

FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
STATISTICS = ("min", "max", "mean", "current")

_trusted: ContextVar[bool] = ContextVar("trusted", default=False)
# MMEngine's original loader for all addresses, which is replaced below.
_load_address = inspect.unwrap(CheckpointLoader.load_checkpoint.__func__)


class UnsafeCheckpointError(CheckpointError):
    """Error for a checkpoint with more than tensors and plain data, which was not loaded."""


def _statistics_method(owner: Any, name: str, *default: Any) -> Any:
    """Replacement of ``getattr``, by which a pickled log buffer names its statistics methods."""
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
    """Allow torch's safe loader to read MMEngine's checkpoints, so that runs can be resumed.

    torch before 2.4 has no list of allowed globals, and before 2.6 the list takes no names. There
    the log buffers in a checkpoint are refused, and a run can only be resumed with
    ``trust_checkpoint``.
    """
    if torch.__version__ >= "2.4":
        allowed = _mmengine_globals()
        if torch.__version__ < "2.6":
            allowed = [kind for kind in allowed if not isinstance(kind, tuple)]
        torch.serialization.add_safe_globals(allowed)


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
    """Set whether checkpoints that are loaded inside this context may execute code."""
    token = _trusted.set(trust)
    try:
        yield
    finally:
        _trusted.reset(token)


def trusted() -> bool:
    """Return whether the run allows that files which it loads execute code."""
    return _trusted.get()


def load_checkpoint(path: str | Path, trust: bool = False, map_location: Any = "cpu") -> Any:
    """Load a checkpoint, refusing one that is damaged or would execute code.

    Args:
        path: A file, or any address that MMEngine's checkpoint loader knows (``https://``,
            ``torchvision://``, ...), or ``mmkd://weights/<file>`` for weights that ship with mmkd.
        trust: Whether to unpickle everything in it. This executes any code that its author put
            into it.
        map_location: Device to load to, in the form that ``torch.load`` takes.

    Raises:
        UnsafeCheckpointError: If it contains more than tensors and plain data and is not trusted.
        BrokenCheckpointError: If it is no checkpoint, or damaged, or would grow to many times its
            size.
        FileNotFoundError: If it does not exist.
    """
    path = os.path.expanduser(str(path))
    # torch's context manager is not used here: at its end it also removes what was allowed before,
    # and MMEngine uses it, too. So the globals are allowed again each time.
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
    """Replace torch's error for a file that it refuses by an error that says what to do."""
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

    Old versions wrote their config as Python code into ``meta['config']``, and ``Runner.resume``
    executes it. Current versions write ``meta['cfg']`` instead, which nothing reads.
    """
    trust = _trusted.get()
    checkpoint = load_checkpoint(filename, trust, map_location)
    if not trust and isinstance(checkpoint, dict) and isinstance(checkpoint.get("meta"), dict):
        checkpoint["meta"].pop("config", None)
    return checkpoint


def _load_url(
    url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True
) -> Any:
    """Load a published file from a local copy or the cache, or else download it as torch does."""
    folder = model_dir or os.path.join(torch.hub.get_dir(), "checkpoints")
    path = local_copy(url) or Path(folder, file_name(url))
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(url, path, progress)
    return load_checkpoint(path, _trusted.get(), map_location)


def load_from_mmkd(address: str, map_location: Any = None) -> Any:
    """Load weights that ship with mmkd.

    Raises:
        FileNotFoundError: If there are none of this name.
    """
    path = local_copy(address)
    if path is None:
        names = ", ".join(sorted(file.name for file in shipped("weights").glob("*.pth")))
        raise FileNotFoundError(f"mmkd ships no {address}. The files are {names or 'missing'}.")
    return load_checkpoint(path, _trusted.get(), map_location)


def _download(url: str, path: Path, progress: bool) -> None:
    """Download a published file from the first of its addresses that has it.

    Raises:
        SourceError: If no address has the file, or they have a different file.
    """
    mirror, failures = mirror_of(url), []
    for address in addresses(url):
        try:
            torch.hub.download_url_to_file(
                address, str(path), None if mirror is None else mirror.sha256, progress
            )
        except (OSError, RuntimeError, ValueError) as error:
            failures.append(f"  {address}: {error}")
        else:
            return
    raise SourceError(
        "\n".join([f"{file_name(url)} cannot be downloaded:", *failures])
        + f"\nPut the file into a folder, and name the folder in {VARIABLE}."
    )


def load_all_checkpoints_safely() -> None:
    """Make MMEngine read every checkpoint by :func:`load_checkpoint`.

    That covers ``load_from``, ``resume``, ``init_cfg=dict(type='Pretrained')`` and the checkpoints
    that backbones load.
    """
    allow_mmengine_checkpoints()
    CheckpointLoader.load_checkpoint = classmethod(_load_for_mmengine)
    CheckpointLoader.register_scheme(SHIPPED, load_from_mmkd, force=True)
    mmengine.runner.checkpoint.load_url = _load_url
