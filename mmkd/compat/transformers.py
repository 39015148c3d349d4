"""Import of mmpretrain beside transformers 5.

mmpretrain imports its multimodal models whenever transformers is installed. transformers 5 no
longer has the classes from which they inherit, so that ``import mmpretrain.models`` ends with a
``TypeError``, and no distiller can be built. With transformers 5 this module therefore makes
mmpretrain skip these models, as if transformers were not installed: mmpretrain registers a
placeholder for each of them, whose error says what to install. All other networks work. With
transformers 4 the module changes nothing.

The remedy works from ``import mmkd`` on: import mmkd before mmpretrain.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

# The packages of mmpretrain that check whether the multimodal models can be imported.
ASKING = ("mmpretrain.datasets", "mmpretrain.models")
FIRST_WITHOUT = 5


class _MultimodalSwitch(MetaPathFinder):
    """Finder that finds no module: it acts when mmpretrain's models are about to be imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in ASKING:
            sys.meta_path.remove(self)
            if lacks_multimodal():
                dependency: Any = import_module("mmpretrain.utils.dependency")
                dependency.WITH_MULTIMODAL = False
        return None


def lacks_multimodal() -> bool:
    """Return whether mmpretrain's models do not work with the installed transformers."""
    try:
        return int(version("transformers").partition(".")[0]) >= FIRST_WITHOUT
    except PackageNotFoundError:
        return False


def import_beside_transformers() -> None:
    """Make mmpretrain importable beside any transformers.

    This function imports nothing, and does nothing if mmpretrain is already imported.
    """
    if not any(name in sys.modules for name in ASKING) and not any(
        isinstance(finder, _MultimodalSwitch) for finder in sys.meta_path
    ):
        sys.meta_path.insert(0, _MultimodalSwitch())
