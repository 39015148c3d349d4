"""Lets torchvision be imported where its compiled operators do not load.

A package index serves torchvision as a CUDA build. Beside a CPU build of torch its C extension does
not load, which torchvision tolerates, except that ``torchvision._meta_registrations`` describes two
operators without asking whether they exist: ``operator torchvision::nms does not exist``. So the
schemas of those two are declared, only then and just before that module runs. Models and transforms
work afterwards; ``torchvision.ops.nms`` itself does not (``mmcv.ops.nms`` does).

The remedy is in place from ``import mmkd`` on: import mmkd before torchvision, mmpretrain or mmdet.
Where it is not wanted, a matching build of torch makes it idle: ``pip install 'torch===2.13.0'``.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import torch

NEEDS_SCHEMAS = "torchvision._meta_registrations"
SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_declared: list[torch.library.Library] = []  # a schema lasts as long as its library object


class _SchemaDeclarer(MetaPathFinder):
    """Finds no module: sees that torchvision's is about to be imported, acts and steps aside."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == NEEDS_SCHEMAS:
            sys.meta_path.remove(self)
            if not _operators_loaded():
                _declare_schemas()
        return None


def _operators_loaded() -> bool:
    # torchvision imports its `extension` before the module that this is about.
    has_ops = getattr(sys.modules.get("torchvision.extension"), "_has_ops", None)
    return has_ops is None or bool(has_ops())


def _declare_schemas() -> None:
    missing = [name for name in SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    if missing:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in missing:
            library.define(SCHEMAS[name])
        _declared.append(library)


def declare_missing_operators() -> None:
    """Arranges for torchvision to be importable whatever the build of torch beside it.

    Imports nothing itself, and does nothing if torchvision is already imported.
    """
    if NEEDS_SCHEMAS not in sys.modules and not any(
        isinstance(finder, _SchemaDeclarer) for finder in sys.meta_path
    ):
        sys.meta_path.insert(0, _SchemaDeclarer())


def schemas_declared() -> bool:
    """Whether the remedy was needed, and applied, in this process."""
    return bool(_declared)
