"""Access to the distiller of a runner."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmkd.distillers import BaseDistiller


def distiller_of(runner: Runner) -> BaseDistiller | None:
    """Return the runner's model without its wrapper if it is a distiller, otherwise ``None``."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model if isinstance(model, BaseDistiller) else None
