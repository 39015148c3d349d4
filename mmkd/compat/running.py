"""What run a model is built for, which MMEngine's Runner does not tell the model."""

import functools
from contextvars import ContextVar

from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

_config: ContextVar[Config | None] = ContextVar("config", default=None)


def running_config() -> Config | None:
    """Return the config of the Runner that is building its model just now, if one is."""
    return _config.get()


def tell_models_their_run() -> None:
    """Make :func:`running_config` known to whatever a Runner builds as its model."""
    build = Runner.build_model
    if hasattr(build, "tells_its_config"):
        return

    @functools.wraps(build)
    def build_model(self: Runner, model: nn.Module | dict) -> nn.Module:  # type: ignore[type-arg]
        token = _config.set(self.cfg)
        try:
            built: nn.Module = build(self, model)
        finally:
            _config.reset(token)
        return built

    # A marker, so that a reload of mmkd does not wrap the wrapper.
    build_model.tells_its_config = True  # type: ignore[attr-defined]
    Runner.build_model = build_model
