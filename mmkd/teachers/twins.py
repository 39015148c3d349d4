"""Teachers that have several names."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmkd.teachers.teacher import Teacher


def same_teacher(config: Any, other: Any) -> bool:
    """Return whether two configs describe one network with the same weights, run in the same way.

    Without a checkpoint a config's network has random weights, which differ. A teacher or a module
    is the same only as itself.
    """
    if not isinstance(config, Mapping):
        return config is other
    has_weights = config.get("checkpoint") is not None or isinstance(config.get("model"), nn.Module)
    return has_weights and config == other


def names_of_each(teachers: Mapping[str, Teacher]) -> dict[Teacher, list[str]]:
    """Return the names of each teacher; one teacher may have several."""
    names: dict[Teacher, list[str]] = {}
    for name, teacher in teachers.items():
        names.setdefault(teacher, []).append(name)
    return names
