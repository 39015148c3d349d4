"""Names and paths in configs: ``mmkd::erkd/<config>.py``, and paths relative to a config's folder.

MMEngine resolves names of installed packages in ``_base_`` and in ``mmengine.hub.get_config`` for
the packages it knows. This module makes mmkd one of them, and makes ``Config.fromfile`` understand
the names of all of them. It also lets a config name its networks relative to its own folder.
"""

import functools
import os
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mmengine.config.config
import mmengine.config.utils
import mmengine.hub.hub
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.utils import get_installed_path

from mmkd.compat.shipped import PACKAGE, shipped

OWN = "mmkd::"
BEFORE = re.compile(r"^mmcls::")  # mmpretrain, before it was renamed


def resolve(filename: str | Path) -> str | Path:
    """Return the path of the file that a config name means; return a path unchanged.

    Raises:
        ModuleNotFoundError: If the package in the name is not installed.
        FileNotFoundError: If the package has no such config.
    """
    if not re.match(r"\w+::", str(filename)):
        return filename
    path: str = Config._get_cfg_path(str(filename), "")[0]
    return path


def installed_path(package: str) -> str:
    """Return the folder of an installed package, also of an editable installation.

    For editable installations the original MMEngine returns the folder of the package's metadata
    instead.

    Raises:
        FileNotFoundError: If the package is mmkd, used from a clone that is not installed.
    """
    if package == "mmkd" and not (PACKAGE / ".mim").is_dir():
        raise FileNotFoundError(
            "mmkd is used from a clone that is not installed, where mmengine.hub does not find its "
            "configs. Read them by Config.fromfile('mmkd::...'), or install the clone: "
            "pip install --no-build-isolation --no-deps -e ."
        )
    path: str = get_installed_path(package)
    spec = None if os.path.isdir(path) else find_spec(package)
    return path if spec is None or spec.origin is None else os.path.dirname(spec.origin)


def with_own_names(
    get_path: Callable[[str, str], tuple[str, str | None]],
) -> Callable[[str, str], tuple[str, str | None]]:
    """Wrap MMEngine's lookup of a ``_base_`` so that it knows mmkd's configs, and mmcls's.

    mmkd's configs are read from the folder beside the imported package, installed or not. They keep
    the scope of the config that names them. With the scope mmkd, MMEngine would look up all their
    types in mmkd; but only types of the form ``mmkd.<name>`` are mmkd's, and all others are those
    of mmpretrain or mmdet.
    """

    @functools.wraps(get_path)
    def path_and_scope(path: str, filename: str) -> tuple[str, str | None]:
        if not path.startswith(OWN):
            return get_path(BEFORE.sub("mmpretrain::", path), filename)
        found = shipped("configs") / path.removeprefix(OWN)
        if not found.is_file():
            raise FileNotFoundError(f"mmkd has no config {path.removeprefix(OWN)}.")
        return str(found), None

    return path_and_scope


def anchor_paths(settings: dict[str, Any], folder: Path) -> None:
    """Make a distiller's paths of networks and weights absolute if the files are in a folder.

    Paths whose files are not in the folder stay unchanged: they are relative to the current folder.
    Names of packages' configs and addresses stay unchanged, too.

    Args:
        settings: The settings of a config file. They are changed in place.
        folder: The folder of the file.
    """
    for part, key in _paths(settings.get("model")):
        path = part[key]
        if isinstance(path, str) and "::" not in path and (folder / path).is_file():
            part[key] = str((folder / path).resolve())


def _paths(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the places of a distiller's config that may name a file, as a dict and a key in it."""
    if not isinstance(model, dict):
        return
    students, teachers = model.get("students"), model.get("teachers")
    networks = [(model, "student")]
    networks += [(students, name) for name in students] if isinstance(students, dict) else []
    several = [*teachers.values()] if isinstance(teachers, dict) else []
    for teacher in [model.get("teacher"), *several]:
        if isinstance(teacher, dict):
            networks.append((teacher, "model"))
            yield from [(teacher, "checkpoint")] if "checkpoint" in teacher else []
    for part, key in networks:
        network = part.get(key)
        if isinstance(network, dict):
            yield from [(network, "config")] if "config" in network else []
        elif network is not None:
            yield part, key


def with_anchored_paths(read: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap MMEngine's reader of a config file, a base or not, by :func:`anchor_paths`."""

    @functools.wraps(read)
    def read_and_anchor(filename: str, *args: Any, **kwargs: Any) -> Any:
        settings, *others = read(filename, *args, **kwargs)
        anchor_paths(settings, Path(filename).parent)
        return settings, *others

    return read_and_anchor


def allow_config_names() -> None:
    """Make ``package::config`` names and paths relative to a config work wherever configs are read.

    Names work in ``Config.fromfile``, for mmkd and for the other packages.
    """
    MODULE2PACKAGE.setdefault("mmkd", "mmkd")
    # MMEngine looks for their distributions, whose names differ between the families.
    MODULE2PACKAGE.update({name: name for name in ("mmseg", "mmrotate") if find_spec(name)})
    mmengine.config.config.get_installed_path = installed_path
    mmengine.hub.hub.get_installed_path = installed_path
    fromfile = Config.fromfile
    if hasattr(fromfile, "resolves_config_names"):
        return
    # MMEngine reads all metafiles of a package for each name: half a second for mmdet's.
    mmengine.config.utils.load = functools.cache(mmengine.config.utils.load)

    @functools.wraps(fromfile)
    def fromfile_or_name(filename: str | Path, *args: Any, **kwargs: Any) -> Config:
        return fromfile(resolve(filename), *args, **kwargs)

    # This marker prevents a reload of mmkd from wrapping the wrapper.
    fromfile_or_name.resolves_config_names = True  # type: ignore[attr-defined]
    Config.fromfile = staticmethod(fromfile_or_name)
    Config._get_cfg_path = staticmethod(with_own_names(Config._get_cfg_path))
    Config._file2dict = staticmethod(with_anchored_paths(Config._file2dict))
