"""Access to the distillers of a runner."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmkd.distillers import BaseDistiller, Cohort


def model_of(runner: Runner) -> nn.Module:
    """Return the runner's model without its wrapper."""
    model: nn.Module = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model


def cohort_of(runner: Runner) -> Cohort | None:
    """Return the runner's model without its wrapper if it is a cohort, otherwise ``None``."""
    model = model_of(runner)
    return model if isinstance(model, Cohort) else None


def distillers_of(runner: Runner) -> dict[str, BaseDistiller]:
    """Return a cohort's members by name, or a distiller under ``''``, or nothing."""
    model = model_of(runner)
    if isinstance(model, Cohort):
        return {**model.members}
    return {"": model} if isinstance(model, BaseDistiller) else {}


def distiller_of(runner: Runner) -> BaseDistiller | None:
    """Return the runner's distiller, or a cohort's first member, or ``None``."""
    return next(iter(distillers_of(runner).values()), None)
