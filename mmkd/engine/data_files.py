"""Search for missing files of a run's data, before anything is built."""

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DATASETS

DOCS = "docs/datasets.md has the layouts"


def missing_data(config: Config, loaders: Sequence[str]) -> Iterator[str]:
    """Yield the annotation files and image folders of a run that do not exist.

    Only files that are certainly read are checked: local paths in the config of data sets that do
    not download their files.

    Args:
        config: The config of the run.
        loaders: Names of the data loaders that it uses.
    """
    users: dict[str, list[str]] = {}
    for field in loaders:
        for path in _files(config, field):
            if not os.path.exists(path):
                users.setdefault(os.path.normpath(path), []).append(field)
    for path, fields in users.items():
        if not any(str(parent) in users for parent in Path(path).parents):
            where = " and ".join(dict.fromkeys(fields))
            yield f"The data of {where} are missing: there is no {path} ({DOCS})."


def _files(config: Config, field: str) -> Iterator[str]:
    """Yield the local files and folders that a loader and its metrics read."""
    for dataset in _datasets((config.get(field) or {}).get("dataset")):
        yield from _paths(dataset, config.get("default_scope"))
    metrics = config.get(field.replace("_dataloader", "_evaluator")) or []
    for metric in [metrics] if isinstance(metrics, Mapping) else metrics:
        path = metric.get("ann_file")
        if isinstance(path, str) and "://" not in path:
            yield path


def _datasets(dataset: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the data sets inside wrappers."""
    if isinstance(dataset, Mapping):
        if "dataset" in dataset:
            yield from _datasets(dataset["dataset"])
        elif "datasets" in dataset:
            for each in dataset["datasets"]:
                yield from _datasets(each)
        else:
            yield dataset


def _paths(dataset: Mapping[str, Any], scope: str | None) -> Iterator[str]:
    """Yield the local files and folders that a data set reads."""
    backend = dataset.get("backend_args") or {}
    if backend.get("backend", "local") != "local" or _downloads(dataset, scope):
        return
    root = dataset.get("data_root") or ""
    prefix = dataset.get("data_prefix") or {}
    prefixes = [*prefix.values()] if isinstance(prefix, Mapping) else [prefix]
    for path in [root, dataset.get("ann_file"), *prefixes]:
        if isinstance(path, str | Path) and str(path) and "://" not in f"{root}{path}":
            yield str(path) if path is root else os.path.join(root, path)


def _downloads(dataset: Mapping[str, Any], scope: str | None) -> bool:
    """Return whether a data set downloads missing files."""
    kind: Any = dataset.get("type")
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(scope) as registry:
            kind = registry.get(kind)
    download = inspect.signature(kind).parameters.get("download") if callable(kind) else None
    return download is not None and bool(dataset.get("download", download.default))
