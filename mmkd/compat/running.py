"""Config of the run for which a model is built, which MMEngine's Runner does not pass on."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

_config: ContextVar[Config | None] = ContextVar("config", default=None)


def running_config() -> Config | None:
    """Return the config of the Runner that is building its model at the moment, or ``None``."""
    return _config.get()


@contextmanager
def run_of(config: Config) -> Iterator[None]:
    """Make ``config`` the result of :func:`running_config` inside this context."""
    token = _config.set(config)
    try:
        yield
    finally:
        _config.reset(token)


def tell_models_their_run() -> None:
    """Make :func:`running_config` available to every model that a Runner builds."""
    build = Runner.build_model
    if hasattr(build, "tells_its_config"):
        return

    @functools.wraps(build)
    def build_model(self: Runner, model: nn.Module | dict) -> nn.Module:  # type: ignore[type-arg]
        with run_of(self.cfg):
            built: nn.Module = build(self, model)
        return built

    # This marker prevents a reload of mmkd from wrapping the wrapper.
    build_model.tells_its_config = True  # type: ignore[attr-defined]
    Runner.build_model = build_model
