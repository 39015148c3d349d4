"""The images of a config's data sets as they are stored, for tools that read all of them."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any, TypeVar

from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

Result = TypeVar("Result")

CHUNK = 4096
SHORTENING = ("indices", "subset")


def read_config(name: str, options: dict[str, Any] | None = None) -> Config:
    """Read a config by path or name, with settings that override those in it.

    Raises:
        FileNotFoundError: if there is no such config.
    """
    try:
        config = Config.fromfile(name)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no config {name}: {error}") from error
    config.merge_from_dict(options or {})
    return config


def dataset_config(config: Config, split: str) -> dict[str, Any]:
    """Return the config of a split's dataset, ``'train'``, ``'val'`` or ``'test'``.

    Raises:
        ValueError: if the config has no such dataset.
    """
    loader = config.get(f"{split}_dataloader") or {}
    if "dataset" not in loader:
        raise ValueError(f"the config has no {split}_dataloader with a dataset")
    return deepcopy(loader["dataset"].to_dict())


def build_stored(dataset: dict[str, Any], scope: str | None, whole: bool = False) -> Any:
    """Build a dataset whose pipeline only loads images; datasets inside wrappers likewise.

    Args:
        dataset: the config of the dataset.
        scope: the ``default_scope`` of the config that contains it.
        whole: whether to leave out the settings that shorten a dataset, ``indices`` and ``subset``.
    """
    dataset = _only_loading(dataset)
    if whole:
        for name in SHORTENING:
            dataset.pop(name, None)
    with DefaultScope.overwrite_default_scope(scope or "mmpretrain"):
        return DATASETS.build(dataset)


def _only_loading(value: Any) -> Any:
    if isinstance(value, list):
        return [_only_loading(item) for item in value]
    if not isinstance(value, dict):
        return value
    inside = {key: _only_loading(item) for key, item in value.items() if key != "pipeline"}
    if "pipeline" in value:
        loads = [t for t in value["pipeline"] if str(t["type"]).endswith("LoadImageFromFile")]
        inside["pipeline"] = loads
    return inside


def each(
    function: Callable[[int], Result], count: int, workers: int | None = None
) -> Iterator[Result]:
    """Call a function with each index below ``count`` in threads; yield the results in order.

    Decoding an image releases Python's global interpreter lock, so threads decode in parallel.
    """
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, count, CHUNK):
            yield from pool.map(function, range(start, min(start + CHUNK, count)))
