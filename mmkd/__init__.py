"""mmkd: knowledge distillation for the OpenMMLab stack."""

import importlib
from typing import TYPE_CHECKING, Any

from mmkd.compat.requirements import being_examined, require_mmengine
from mmkd.version import __version__

if TYPE_CHECKING:
    from mmkd import functional
    from mmkd.distillation import distill
    from mmkd.distillers import Cohort, Distiller
    from mmkd.teachers import Teacher

if not being_examined():
    require_mmengine()

    from mmkd.compat.checkpoints import load_all_checkpoints_safely
    from mmkd.compat.config import allow_config_names
    from mmkd.compat.config_text import format_configs_once
    from mmkd.compat.files import write_whole_files
    from mmkd.compat.logs import run_on_without_logs
    from mmkd.compat.running import tell_models_their_run
    from mmkd.compat.torchvision import declare_missing_operators
    from mmkd.compat.transformers import import_beside_transformers

    allow_config_names()
    load_all_checkpoints_safely()
    declare_missing_operators()
    format_configs_once()
    import_beside_transformers()
    run_on_without_logs()
    tell_models_their_run()
    write_whole_files()

# These are imported on first use, so that `import mmkd` stays light.
_EXPORTS = {
    "Cohort": "mmkd.distillers",
    "Distiller": "mmkd.distillers",
    "Teacher": "mmkd.teachers",
    "distill": "mmkd.distillation",
    "functional": "mmkd.functional",
}


def __getattr__(name: str) -> Any:
    """Import a part of the package's Python interface, such as ``mmkd.distill``."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'mmkd' has no attribute {name!r}")
    module = importlib.import_module(_EXPORTS[name])
    return module if name == "functional" else getattr(module, name)


__all__ = ["Cohort", "Distiller", "Teacher", "__version__", "distill", "functional"]
