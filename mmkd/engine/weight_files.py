"""Search for missing networks and weights of a run, before anything is built."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmkd.compat.weight_sources import (
    SHIPPED,
    VARIABLE,
    addresses,
    file_name,
    local_copy,
    unreachable,
)
from mmkd.networks.building import network_config, student_spec
from mmkd.teachers.libraries import check_library, of_library
from mmkd.teachers.opening import is_config

LOCAL = f"Download it where there is a network, and name the file, or its folder in {VARIABLE}"


def missing_weights(config: Config, trains: bool) -> Iterator[str]:
    """Yield messages about configs of networks and checkpoints of a run that do not exist.

    Args:
        config: The config of the run.
        trains: Whether the networks are initialised, so that their pretrained weights are read.
    """
    yield from _missing_checkpoint("load_from", config.get("load_from"))
    model = config.get("model") or {}
    for name, member in (model.get("members") or {"": model}).items():
        spec = student_spec(model) if member is model else member.get("student")
        title = f"student of {name!r}" if name else "student"
        yield from _missing_network(title, model if spec is None else spec, trains)
    store = model.get("store")
    if store and not store.get("grow"):  # the store replaces the teachers
        return
    teachers = model.get("teachers") or {}
    if model.get("teacher") is not None:
        teachers = {"teacher": model["teacher"], **teachers}
    for name, teacher in teachers.items():
        if isinstance(teacher, str):
            teacher = dict(model=teacher)
        if not isinstance(teacher, Mapping) or "model" not in teacher:
            continue
        checkpoint = teacher.get("checkpoint")
        random = trains and checkpoint is None
        yield from _missing_network(f"teacher {name!r}", teacher["model"], random)
        yield from _missing_checkpoint(f"checkpoint of the teacher {name!r}", checkpoint)


def _missing_network(title: str, spec: Any, initialised: bool) -> Iterator[str]:
    """Yield messages about a network's missing config, or missing initial weights."""
    if not isinstance(spec, Mapping | str):
        return
    if not is_config(spec):
        yield from _missing_library(title, spec)
        return
    try:
        network = network_config(spec if isinstance(spec, str) else dict(spec))
    except (FileNotFoundError, ModuleNotFoundError) as error:
        yield f"The config of the {title} cannot be read: {error}"
        return
    if initialised:
        for checkpoint in _pretrained(network):
            yield from _missing_checkpoint(f"pretrained weights of the {title}", checkpoint)


def _missing_library(title: str, spec: Any) -> Iterator[str]:
    """Yield a message about a network that another library does not have, or that library."""
    if of_library(spec):
        try:
            check_library(spec)
        except (ModuleNotFoundError, ValueError) as error:
            yield f"The {title} cannot be built: {error}"


def _pretrained(settings: Any) -> Iterator[str]:
    """Yield the checkpoints of ``init_cfg`` in nested settings."""
    if isinstance(settings, Mapping):
        if settings.get("type") == "Pretrained" and settings.get("checkpoint"):
            yield settings["checkpoint"]
        settings = [*settings.values()]
    if isinstance(settings, list | tuple):
        for item in settings:
            yield from _pretrained(item)


def _missing_checkpoint(title: str, path: Any) -> Iterator[str]:
    if not isinstance(path, str):
        return
    if path.startswith("torchvision://"):
        from mmengine.runner.checkpoint import get_torchvision_models

        path = get_torchvision_models().get(path.removeprefix("torchvision://"), path)
    if path.startswith(("http://", "https://")):
        if reason := _unreachable(path):
            yield f"The {title} cannot be downloaded from {path}: {reason}. {LOCAL}."
    elif path.startswith(SHIPPED) and local_copy(path) is None:
        yield f"The {title} is missing: mmkd ships no {path}."
    elif "://" not in path and not os.path.isfile(os.path.expanduser(path)):
        yield f"The {title} is missing: there is no file {path}."


def _unreachable(address: str) -> str | None:
    """Return why a file cannot be downloaded; ``None`` if it can be, or is here already."""
    cached = Path(torch.hub.get_dir(), "checkpoints", file_name(address))
    if cached.is_file() or local_copy(address) is not None:
        return None
    reasons = [unreachable(source) for source in addresses(address)]
    return None if None in reasons else reasons[0]
