"""Config of a plain student, extracted from a distillation config."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

from mmkd.engine.runner import GUARDS
from mmkd.evaluation import TeacherAgreement
from mmkd.hooks import (
    BestAndLastHook,
    DataCheckHook,
    DatasetLabelsHook,
    FiniteGuardHook,
    HangGuardHook,
    KeepCheckpointsHook,
    MeanTeacherHook,
    ParaphraserHook,
    RunRecordHook,
    RunSummaryHook,
    StatisticsHook,
    StepCheckHook,
    StopHook,
    StudentCheckpointHook,
    TeacherEvaluationHook,
)
from mmkd.networks.building import student_spec
from mmkd.networks.student import student_model
from mmkd.registry import HOOKS, METRICS

# Parts of mmkd for teachers and runs, which a config that needs only mmpretrain cannot have.
DISTILLATION_ALONE = (
    BestAndLastHook,
    DatasetLabelsHook,
    DataCheckHook,
    FiniteGuardHook,
    HangGuardHook,
    KeepCheckpointsHook,
    MeanTeacherHook,
    ParaphraserHook,
    RunRecordHook,
    RunSummaryHook,
    StatisticsHook,
    StepCheckHook,
    StopHook,
    StudentCheckpointHook,
    TeacherAgreement,
    TeacherEvaluationHook,
)
# Fields of a config that list hooks or metrics.
FIELDS = {"custom_hooks": HOOKS, "val_evaluator": METRICS, "test_evaluator": METRICS}


def student_config(config: Config) -> Config:
    """Return a config that trains and tests the plain student, without its teachers and terms.

    Parts that serve distillation alone are removed: the distiller, and mmkd's hooks and metrics
    about teachers and runs. The data, schedule and runtime stay. If nothing of mmkd is left, the
    import of mmkd is removed too, and the config needs only the package of the student.

    Raises:
        ValueError: If the config's model is not a distiller.
    """
    settings = config.to_dict()
    model = settings.get("model") or {}
    student = student_spec(model)
    if student is None:
        raise ValueError(
            "The config's model is no distiller of mmkd's: there is no student to take out."
        )
    preprocessor = model.get("data_preprocessor") or settings.get("data_preprocessor")
    settings["model"] = student_model(student, preprocessor)
    for field, registry in FIELDS.items():
        parts = settings.get(field)
        if parts:
            parts = [parts] if isinstance(parts, dict) else parts
            settings[field] = [part for part in parts if not _stays_here(part, registry)]
    hooks = settings.get("default_hooks") or {}
    for name, hook in list(hooks.items()):
        if name in GUARDS or (hook and _stays_here(hook, HOOKS)):
            del hooks[name]
    for field in [field for field, value in settings.items() if _is_part(field, value)]:
        del settings[field]
    if str(settings.get("runner_type")).startswith("mmkd."):
        del settings["runner_type"]
    plain = Config(settings)
    if not uses_mmkd(plain):
        _forget_mmkd(plain)
    return plain


def uses_mmkd(config: Config) -> bool:
    """Return whether a config contains any type of mmkd's."""
    return any(scope == "mmkd" for scope in _scopes(config.to_dict()))


def _scopes(value: Any) -> Iterator[str]:
    """Yield the scope of every type in nested settings."""
    if isinstance(value, Mapping):
        yield str(value.get("type", "")).rpartition(".")[0]
        yield str(value.get("_scope_", ""))
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _scopes(item)


def _forget_mmkd(config: Config) -> None:
    imports = config.get("custom_imports")
    if imports is None:
        return
    names = [imports.imports] if isinstance(imports.imports, str) else imports.imports
    imports.imports = [name for name in names if name.partition(".")[0] != "mmkd"]
    if not imports.imports:
        config.pop("custom_imports")


def _is_part(field: str, value: Any) -> bool:
    """Return whether a field is a variable that only holds a part of mmkd for other fields."""
    used = field in inspect.signature(Runner).parameters
    return not used and isinstance(value, Mapping) and str(value.get("type")).startswith("mmkd.")


def _stays_here(part: Mapping[str, Any], registry: Registry) -> bool:
    """Return whether a hook or metric is one of :data:`DISTILLATION_ALONE`."""
    name = str(part.get("type", ""))
    return name.partition(".")[0] == "mmkd" and registry.get(name) in DISTILLATION_ALONE
