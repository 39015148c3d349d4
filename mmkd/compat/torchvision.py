"""Import of torchvision in environments in which its compiled operators do not load.

A package index provides torchvision as a CUDA build. With a CPU build of torch, its C extension
does not load. torchvision tolerates this except in ``torchvision._meta_registrations``, which
registers two operators without checking that they exist: ``operator torchvision::nms does not
exist``. In that case only, this module declares the schemas of the two operators, just before
``_meta_registrations`` runs. Models and transforms work afterwards; ``torchvision.ops.nms`` itself
does not (``mmcv.ops.nms`` does).

The remedy works from ``import mmkd`` on: import mmkd before torchvision, mmpretrain or mmdet. A
matching build of torch makes it unnecessary: ``pip install 'torch===2.13.0'``.
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

_declared: list[torch.library.Library] = []  # a schema exists as long as its library object


class _SchemaDeclarer(MetaPathFinder):
    """Finder that finds no module: it acts when torchvision's module is about to be imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == NEEDS_SCHEMAS:
            sys.meta_path.remove(self)
            if not _operators_loaded():
                _declare_schemas()
        return None


def _operators_loaded() -> bool:
    # torchvision imports its `extension` before the module in question.
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
    """Make torchvision importable beside any build of torch.

    This function imports nothing, and does nothing if torchvision is already imported.
    """
    if NEEDS_SCHEMAS not in sys.modules and not any(
        isinstance(finder, _SchemaDeclarer) for finder in sys.meta_path
    ):
        sys.meta_path.insert(0, _SchemaDeclarer())


def schemas_declared() -> bool:
    """Return whether the remedy was needed, and applied, in this process."""
    return bool(_declared)
