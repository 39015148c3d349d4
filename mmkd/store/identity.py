"""Hashes of a store's teachers, data and preprocessing, which a run compares with its own."""

import hashlib
import json
import marshal
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from torch import Tensor, nn

from mmkd.networks.building import network_config
from mmkd.randomness import Position, PositionedLoading
from mmkd.teachers.opening import is_config
from mmkd.teachers.renormalize import Normalization

# Settings that say where files are on a disk and how they are read from there.
PLACES = {"data_root", "ann_file", "data_prefix", "img_prefix", "img_path", "sample_idx"}
PLACES |= {"backend_args", "file_client_args", "lazy_init", "serialize_data", "download"}
INDEXED = 100_000  # number of entries of an index that a store's hash reads, evenly spread
LOADED = 4  # number of samples whose pixels are hashed


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def _plain(value: Any) -> Any:
    """Return a config without the settings that only say where files are on a disk."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in value if key not in PLACES}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def of_config(config: Any) -> str:
    """Return the hash of a config, independent of the places of its files."""
    return _digest([json.dumps(_plain(config), sort_keys=True, default=repr).encode()])


def of_teacher(settings: Mapping[str, Any]) -> str:
    """Return the hash of a teacher's network and its manner of running, without its weights."""
    options = {key: settings[key] for key in settings if key not in ("model", "checkpoint")}
    model = settings["model"]
    return of_config(dict(options, model=network_config(model) if is_config(model) else model))


def of_preprocessing(student: nn.Module) -> str:
    """Return a description of the normalisation of the student's pixels."""
    return repr(Normalization.of(student))


def of_index(dataset: Any, whole: bool = False) -> str:
    """Return the hash of a data set's entries in their order: file names or images, and labels.

    It does not depend on the folder of the data. For a data set without MMEngine's
    ``get_data_info`` it is the hash of the length.

    Args:
        dataset: The data set.
        whole: Whether to read all entries, serialised in a faster way, instead of at most 100,000
            evenly spaced ones. The hashes of the two ways differ.
    """
    size = len(dataset)
    if not hasattr(dataset, "get_data_info"):
        return _digest([str(size).encode()])
    chosen: Sequence[int] = range(size)
    if not whole:
        spread = np.linspace(0, size - 1, min(size, INDEXED))
        chosen = np.unique(spread.astype(int)).tolist()
    write = _bytes if whole else _text
    entries = (_entry(dataset.get_data_info(index), write) for index in chosen)
    return _digest(chain([str(size).encode()], entries))


def _entry(info: Mapping[str, Any], write: Callable[[Any], bytes]) -> bytes:
    parts = []
    for key in sorted(info):
        value = info[key]
        if key.endswith("_path"):
            parts.append("/".join(str(value).split("/")[-2:]).encode())
        elif isinstance(value, np.ndarray):
            parts.append(np.ascontiguousarray(value).tobytes())
        elif key not in PLACES:
            parts.append(write(value))
    return b"\0".join(parts)


def _text(value: Any) -> bytes:
    return repr(value).encode()


def _bytes(value: Any) -> bytes:
    """Return a value's bytes by marshal, which for COCO's polygons is faster than text."""
    try:
        # Later versions of the format have references, with which equal values may get other bytes.
        return marshal.dumps(value, 2)
    except ValueError:  # an object, such as a tensor
        return _text(value)


def of_pixels(loading: PositionedLoading) -> str:
    """Return the hash of a few samples as a run loads them, in their first view."""
    size = len(loading.dataset)
    chosen = sorted({int(place) for place in np.linspace(0, size - 1, LOADED)})
    return _digest(_pixels(loading.load(Position(index, 0))["inputs"]) for index in chosen)


def _pixels(inputs: Any) -> bytes:
    if isinstance(inputs, Tensor):
        return inputs.cpu().contiguous().numpy().tobytes()
    return b"\0".join(_pixels(view) for view in inputs)
