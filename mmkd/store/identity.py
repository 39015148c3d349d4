"""Ingredients of a store, as hashes that a run compares with its ingredients."""

import hashlib
import json
from collections.abc import Mapping
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


def _digest(*parts: bytes) -> str:
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
    return _digest(json.dumps(_plain(config), sort_keys=True, default=repr).encode())


def of_teacher(settings: Mapping[str, Any]) -> str:
    """Return the hash of a teacher's network and its manner of running, without its weights."""
    options = {key: settings[key] for key in settings if key not in ("model", "checkpoint")}
    model = settings["model"]
    return of_config(dict(options, model=network_config(model) if is_config(model) else model))


def of_preprocessing(student: nn.Module) -> str:
    """Return a description of the normalisation of the student's pixels."""
    return repr(Normalization.of(student))


def of_index(dataset: Any, most: int = INDEXED) -> str:
    """Return the hash of a data set's names or images and labels, in their order.

    It does not depend on the folder of the data. Of a data set without MMEngine's index it is the
    hash of the length.

    Args:
        dataset: The data set.
        most: Maximum number of entries that are read, evenly spread.
    """
    if not hasattr(dataset, "get_data_info"):
        return _digest(str(len(dataset)).encode())
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(len(dataset), most)).astype(int))
    return _digest(
        str(len(dataset)).encode(), *(_entry(dataset.get_data_info(int(index))) for index in chosen)
    )


def _entry(info: Mapping[str, Any]) -> bytes:
    parts = []
    for key in sorted(info):
        value = info[key]
        if key.endswith("_path"):
            parts.append("/".join(str(value).split("/")[-2:]).encode())
        elif isinstance(value, np.ndarray):
            parts.append(np.ascontiguousarray(value).tobytes())
        elif key not in PLACES:
            parts.append(repr(value).encode())
    return b"\0".join(parts)


def of_pixels(loading: PositionedLoading) -> str:
    """Return the hash of a few samples as a run loads them, in their first view."""
    size = len(loading.dataset)
    chosen = sorted({int(place) for place in np.linspace(0, size - 1, LOADED)})
    return _digest(*(_pixels(loading.load(Position(index, 0))["inputs"]) for index in chosen))


def _pixels(inputs: Any) -> bytes:
    if isinstance(inputs, Tensor):
        return inputs.cpu().contiguous().numpy().tobytes()
    return b"\0".join(_pixels(view) for view in inputs)
