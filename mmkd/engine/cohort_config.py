"""Cohorts made of distillation configs, and the config of one of their members."""

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmkd.distillers.cohort import SHARED
from mmkd.engine.launch import ArgumentError

COHORT, DISTILLER = "mmkd.Cohort", "mmkd.Distiller"
# Settings that a member may have of its own, and settings that only name a run.
OWN = ("model", "optim_wrapper", "param_scheduler", "custom_hooks", "default_hooks", "randomness")
UNCOMPARED = ("work_dir", "experiment_name")
OF_ALL = ("mmkd.MemoryFormatHook",)  # hooks of mmkd that act on the whole model
Settings = dict[str, Any]


def cohort_config(configs: Mapping[str, Config]) -> Config:
    """Return the config of a cohort that trains the students of several configs at once.

    Members may differ in the student, the terms, ``student_loss_weight`` and the distiller's other
    settings, in the optimizer and its schedule, and in the seed. All other settings have to be the
    same in all configs, and are taken from the first. The first config's ``randomness.seed``
    decides the order of the data.

    Args:
        configs: Configs with an ``mmkd.Distiller``, by the names that the members get.

    Raises:
        ArgumentError: If they differ in what a cohort shares, such as teachers or data.
    """
    settings = {name: deepcopy(config.to_dict()) for name, config in configs.items()}
    _check_same(settings)
    first, *_ = settings.values()
    models = {name: own["model"] for name, own in settings.items()}
    shared = {key: value for key, value in next(iter(models.values())).items() if key in SHARED}
    members = {name: _member(own) for name, own in settings.items()}
    found = {**first, "model": dict(type=COHORT, members=members, **shared)}
    found["optim_wrapper"] = _optimizers({n: own["optim_wrapper"] for n, own in settings.items()})
    schedules = {name: own.get("param_scheduler") for name, own in settings.items()}
    if any(schedule != first.get("param_scheduler") for schedule in schedules.values()):
        found["param_scheduler"] = {name: own or [] for name, own in schedules.items()}
    found["custom_hooks"] = _hooks(settings)
    _rename_best(found, lambda metric: [f"{name}/{metric}" for name in settings])
    found.setdefault("runner_type", "mmkd.SafeRunner")
    return Config(found)


def member_config(config: Config, name: str) -> Config:
    """Return a config of one member alone; its run ends with the same weights as in the cohort.

    Raises:
        ArgumentError: If the config is not that of a cohort, or has no such member.
    """
    settings = deepcopy(config.to_dict())
    names = member_names(config)
    if name not in names:
        raise ArgumentError(
            f"There is no member {name!r}: the config has {', '.join(names) or 'no cohort'}."
        )
    model = settings["model"]
    shared = {key: value for key, value in model.items() if key in SHARED}
    own = dict(model["members"][name])
    seed = own.pop("seed", None)
    settings["model"] = dict(type=DISTILLER, **own, **shared)
    if seed is not None:
        settings["randomness"] = {**(settings.get("randomness") or {}), "seed": seed}
    wrapper = settings["optim_wrapper"]
    wrapper.update((wrapper.pop("members", None) or {}).get(name, {}))
    wrapper.pop("constructor", None)
    if "constructor_of_each" in wrapper:
        wrapper["constructor"] = wrapper.pop("constructor_of_each")
    schedule = settings.get("param_scheduler")
    if isinstance(schedule, Mapping) and "type" not in schedule:
        settings["param_scheduler"] = schedule[name]
    prefix = f"{name}/"
    _rename_best(
        settings, lambda metric: [metric.removeprefix(prefix)] if metric.startswith(prefix) else []
    )
    return Config(settings)


def member_names(config: Config) -> list[str]:
    """Return the names of a cohort's members from its config; none if it is no cohort's config."""
    model = config.get("model") or {}
    return [*model["members"]] if model.get("type") == COHORT else []


def _check_same(settings: Mapping[str, Settings]) -> None:
    names = [*settings]
    for name, own in settings.items():
        kind = own.get("model", {}).get("type")
        if kind != DISTILLER:
            raise ArgumentError(
                f"A member of a cohort is an {DISTILLER}, and the model of {name!r} is {kind}: "
                "train it by its own config."
            )
    compared = {name: _shared(own) for name, own in settings.items()}
    for name in names[1:]:
        for key in sorted({*compared[names[0]], *compared[name]}):
            if compared[name].get(key) != compared[names[0]].get(key):
                raise ArgumentError(
                    f"{names[0]!r} and {name!r} cannot be one cohort: they differ in {key}, which "
                    "all members share."
                )


def _shared(settings: Settings) -> Settings:
    """Return the settings that have to be equal in all configs of a cohort."""
    names = inspect.signature(Runner).parameters
    found = {k: v for k, v in settings.items() if k in names and k not in (*OWN, *UNCOMPARED)}
    model = settings["model"]
    found |= {f"model.{key}": value for key, value in model.items() if key in SHARED}
    hooks = settings.get("default_hooks") or {}
    found |= {f"default_hooks.{key}": value for key, value in hooks.items()}
    randomness = settings.get("randomness") or {}
    found |= {f"randomness.{k}": v for k, v in randomness.items() if k != "seed"}
    return found


def _member(settings: Settings) -> Settings:
    """Return a config's distiller as a member, with its seed."""
    model = {k: v for k, v in settings["model"].items() if k not in (*SHARED, "type")}
    seed = (settings.get("randomness") or {}).get("seed")
    return model if seed is None else {**model, "seed": seed}


def _optimizers(wrappers: Mapping[str, Settings]) -> Settings:
    """Return the common settings of optimizers, and under ``members`` those in which they differ.

    A ``constructor`` becomes ``constructor_of_each``, which the cohort's constructor calls.
    """
    for wrapper in wrappers.values():
        if "constructor" in wrapper:
            wrapper["constructor_of_each"] = wrapper.pop("constructor")
    first, *others = wrappers.values()
    common = {k: v for k, v in first.items() if all(v == other.get(k) for other in others)}
    rest = {
        name: {key: value for key, value in wrapper.items() if key not in common}
        for name, wrapper in wrappers.items()
    }
    members = {name: own for name, own in rest.items() if own}
    return {**common, "members": members} if members else common


def _hooks(settings: Mapping[str, Settings]) -> list[Settings]:
    """Return the custom hooks of all configs, each once."""
    found: list[Settings] = []
    for name, own in settings.items():
        for hook in own.get("custom_hooks") or []:
            if hook in found:
                continue
            _check_hook(name, hook, settings)
            if hook.get("type") in [other.get("type") for other in found]:
                raise ArgumentError(
                    f"{name!r} has other settings of the hook {hook['type']} than the members "
                    "before it: a cohort has one hook of a kind."
                )
            found.append(hook)
    return found


def _check_hook(name: str, hook: Settings, settings: Mapping[str, Settings]) -> None:
    """Check that a hook that only some members have does not act on the other members too.

    mmkd's hooks act on the parts of each member separately, except those in ``OF_ALL``. Other hooks
    act on the whole model, and so have to be in the configs of all members.

    Raises:
        ArgumentError: If the hook would act on another member.
    """
    kind = str(hook["type"])
    if kind == "mmkd.MeanTeacherHook":
        raise ArgumentError(
            f"{name!r} has a mean teacher, which is the average of one student: train it by its "
            "own config."
        )
    kinds = {n: [h["type"] for h in own.get("custom_hooks") or []] for n, own in settings.items()}
    lacking = [other for other, own in kinds.items() if hook["type"] not in own]
    if lacking and (not kind.startswith("mmkd.") or kind in OF_ALL):
        raise ArgumentError(
            f"{name!r} has the hook {kind}, which would act on {lacking[0]!r} too: give it to all "
            "members or to none."
        )


def _rename_best(settings: Settings, rename: Callable[[str], list[str]]) -> None:
    """Rename the metrics by which the best checkpoints are kept."""
    saver = (settings.get("default_hooks") or {}).get("checkpoint")
    best = (saver or {}).get("save_best")
    if saver is None or not best or best == "auto":
        return
    metrics = [best] if isinstance(best, str) else best
    renamed = [new for metric in metrics for new in rename(metric)]
    saver["save_best"] = renamed[0] if len(renamed) == 1 else renamed
