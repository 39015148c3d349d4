"""The student alone: its weights out of a distiller's, its config out of a distillation config."""

import inspect
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor, nn

from mmkd.networks.building import network_config, student_spec

PREFIX = "student."
KEPT_META = ("dataset_meta", "epoch", "iter", "experiment_name", "time", "mmengine_version")
NOT_EXPORTED = frozenset(
    {
        "BestAndLastHook",
        "DataCheckHook",
        "FiniteGuardHook",
        "HangGuardHook",
        "KeepCheckpointsHook",
        "MeanTeacherHook",
        "RunRecordHook",
        "StopHook",
        "TeacherEvaluationHook",
        "StepCheckHook",
        "StudentCheckpointHook",
        "StatisticsHook",
        "TeacherAgreement",
    }
)


def student_checkpoint(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain student's checkpoint, under the keys that stock OpenMMLab loads strictly.

    Args:
        checkpoint: What MMEngine's Runner saves for a :class:`mmkd.distillers.Distiller`.

    Raises:
        ValueError: If it holds no student.
    """
    weights: Mapping[str, Tensor] = checkpoint.get("state_dict", {})
    student = {k.removeprefix(PREFIX): v for k, v in weights.items() if k.startswith(PREFIX)}
    if not student:
        raise ValueError(
            "The checkpoint holds no student: none of its keys begins with 'student.'. Is it a "
            "plain model's checkpoint already?"
        )
    meta = {key: value for key, value in checkpoint.get("meta", {}).items() if key in KEPT_META}
    return dict(meta=meta, state_dict=student)


def student_model(
    student: dict[str, Any] | str, data_preprocessor: dict[str, Any] | nn.Module | None
) -> dict[str, Any]:
    """Return the model config of a distiller's student.

    Args:
        student: What the distiller's config says of it.
        data_preprocessor: What the training config says of preprocessing. It comes before what the
            file of the student's config says.
    """
    model = network_config(student)
    says = not isinstance(student, str) and "data_preprocessor" in student
    if data_preprocessor is not None and not says:
        model["data_preprocessor"] = deepcopy(data_preprocessor)
    return model


def student_config(config: Config) -> Config:
    """Return a config that trains and tests the plain student, without its teachers and terms.

    What belongs to distillation alone goes: the distiller, and mmkd's hooks and metrics about
    teachers and runs. The data, schedule and runtime stay. Where nothing of mmkd's is left, the
    import of mmkd goes too, and the config needs only the package of the student.

    Raises:
        ValueError: If the config's model is no distiller.
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
    for field in ("custom_hooks", "val_evaluator", "test_evaluator"):
        parts = settings.get(field)
        if parts:
            parts = [parts] if isinstance(parts, dict) else parts
            settings[field] = [part for part in parts if not _stays_here(part)]
    hooks = settings.get("default_hooks") or {}
    for name in [name for name, hook in hooks.items() if hook and _stays_here(hook)]:
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
    """Tell whether anything in a config is of a type of mmkd's."""
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
    """Tell whether a field only names a part of mmkd's for use elsewhere in its config file."""
    used = field in inspect.signature(Runner).parameters
    return not used and isinstance(value, Mapping) and str(value.get("type")).startswith("mmkd.")


def _name(part: Mapping[str, Any]) -> str:
    return str(part.get("type", "")).rpartition(".")[2]


def _stays_here(part: Mapping[str, Any]) -> bool:
    """Tell whether a hook or metric has no place in a config that needs mmpretrain alone."""
    return _name(part) in NOT_EXPORTED
