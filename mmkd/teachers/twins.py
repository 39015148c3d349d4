"""Teachers of several names."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmkd.taps import Tap
from mmkd.teachers.teacher import Teacher

Read = dict[Tap, None]


def same_teacher(config: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two configs are of one network with the same weights, run in the same way.

    Without a checkpoint a config's network has random weights, which differ.
    """
    has_weights = config.get("checkpoint") is not None or isinstance(config.get("model"), nn.Module)
    return has_weights and config == other


def once_each(
    teachers: Mapping[str, Teacher], taps: Mapping[str, Read]
) -> dict[Teacher, tuple[list[str], Read]]:
    """Return each teacher that is tapped once, with all its names and what is read under them.

    Args:
        teachers: The teachers by name, of which several may be one.
        taps: What is read of each network, by name.
    """
    once: dict[Teacher, tuple[list[str], Read]] = {}
    for name, teacher in teachers.items():
        if name in taps:
            names, read = once.setdefault(teacher, ([], {}))
            names.append(name)
            read.update(taps[name])
    return once
