"""Folders that ship with mmkd. Only the standard library is imported, because the doctor asks."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """Return a folder that ships with mmkd: ``'configs'``, ``'tools'`` or ``'weights'``.

    It is inside an installed package, and beside the package in a clone.
    """
    inside = PACKAGE / ".mim" / name
    return inside if inside.is_dir() else PACKAGE.parent / name
