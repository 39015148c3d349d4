"""mmkd: knowledge distillation for the OpenMMLab stack."""

from mmkd.compat.requirements import being_examined, require_mmengine
from mmkd.version import __version__

if not being_examined():
    require_mmengine()

    from mmkd.compat.checkpoints import allow_mmengine_checkpoints
    from mmkd.compat.config import allow_config_names
    from mmkd.compat.running import tell_models_their_run
    from mmkd.compat.torchvision import declare_missing_operators

    allow_config_names()
    allow_mmengine_checkpoints()
    declare_missing_operators()
    tell_models_their_run()

__all__ = ["__version__"]
