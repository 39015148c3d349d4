"""Config names of installed packages: ``mmkd::erkd/<config>.py`` wherever a config is named.

MMEngine resolves such names in ``_base_`` and in ``mmengine.hub.get_config`` for the packages it
knows. This makes mmkd one of them, and ``Config.fromfile`` understand the names of all of them.
"""

import functools
import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mmengine.config.config
import mmengine.hub.hub
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.utils import get_installed_path


def resolve(filename: str | Path) -> str | Path:
    """The path of the file that a config name means; a path is returned as it is.

    Raises:
        ModuleNotFoundError: If the package in the name is not installed.
        FileNotFoundError: If the package has no such config.
    """
    if not re.match(r"\w+::", str(filename)):
        return filename
    path: str = Config._get_cfg_path(str(filename), "")[0]
    return path


def installed_path(package: str) -> str:
    """The folder of an installed package, editable installations included.

    The original MMEngine says for those that the package is where its metadata is, which it is not.
    """
    path: str = get_installed_path(package)
    spec = None if os.path.isdir(path) else find_spec(package)
    return path if spec is None or spec.origin is None else os.path.dirname(spec.origin)


def without_own_scope(
    get_path: Callable[[str, str], tuple[str, str | None]],
) -> Callable[[str, str], tuple[str, str | None]]:
    """Wrap MMEngine's lookup of a ``_base_``: the scope of a base of mmkd is that of its child.

    MMEngine looks up each type of a base that is named by its package in that package. mmkd's
    configs name their own parts ``mmkd.<name>``; all others are mmpretrain's or mmdet's.
    """

    @functools.wraps(get_path)
    def path_and_scope(path: str, filename: str) -> tuple[str, str | None]:
        found, scope = get_path(path, filename)
        return found, None if scope == "mmkd" else scope

    return path_and_scope


def allow_config_names() -> None:
    """Makes ``package::config`` names work in ``Config.fromfile``, for mmkd and for the others."""
    MODULE2PACKAGE.setdefault("mmkd", "mmkd")
    mmengine.config.config.get_installed_path = installed_path
    mmengine.hub.hub.get_installed_path = installed_path
    fromfile = Config.fromfile
    if hasattr(fromfile, "resolves_config_names"):
        return

    @functools.wraps(fromfile)
    def fromfile_or_name(filename: str | Path, *args: Any, **kwargs: Any) -> Config:
        return fromfile(resolve(filename), *args, **kwargs)

    # A marker, so that a reload of mmkd does not wrap the wrapper.
    fromfile_or_name.resolves_config_names = True  # type: ignore[attr-defined]
    Config.fromfile = staticmethod(fromfile_or_name)
    Config._get_cfg_path = staticmethod(without_own_scope(Config._get_cfg_path))
