"""Composition of a config from a student's training config, teachers and methods."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import nn

from mmkd.arguments import did_you_mean
from mmkd.composition.activation import for_softmax, has_softmax, network_has_softmax
from mmkd.composition.kinds import kind_of, kind_of_network
from mmkd.composition.methods import Method, Settings, read_method
from mmkd.composition.models import finish_model
from mmkd.composition.stages import for_stages, network_stage_weights, stage_weights
from mmkd.composition.teachers import TeacherChoice, teacher_settings
from mmkd.engine.launch import ArgumentError, load_config
from mmkd.networks.building import network_config, student_spec

# Kinds of detectors whose class logits come from their `bbox_head`.
ONE_HEAD = ("dense", "distributions", "queries")
DISTILLATION = "mmkd::_base_/distillation.py"


def compose(
    student: str,
    teachers: Sequence[TeacherChoice],
    names: Sequence[str],
    options: Mapping[str, Any] | None = None,
    decided: Mapping[str, Any] | None = None,
) -> Config:
    """Return the config of a distillation run.

    Args:
        student: Path or name of the student's config: a config that trains the student alone, or a
            config of a pair of networks or of a distillation, whose terms are then replaced.
        teachers: The teachers. They replace those that the student's config names.
        names: The methods; the config gets the terms of all of them.
        options: Settings of the methods by their short names.
        decided: Settings by dotted keys that the caller will override afterwards. Methods may
            disagree about these.

    Raises:
        ArgumentError: If a config, method or option does not exist, or they do not fit together.
    """
    config = load_config(student)
    if "model" not in config:
        raise ArgumentError(f"{student} has no `model`: it is no training config of a student.")
    spec = student_spec(config.model.to_dict())
    _wrap_student(config, spec)
    network = network_config(config.model.student if spec is None else spec)
    scope = config.get("default_scope")
    kind = kind_of(network, scope)
    methods = [read_method(name) for name in names]
    # Settings that are published for a pair belong to the pair's teacher.
    pair = "" if teachers else Path(student.rpartition("::")[2]).stem
    variants = {method.name: _of_pair(method, kind, pair) for method in methods}
    if kind in ONE_HEAD and has_softmax(network, scope):
        variants = for_softmax(variants)
    _check_agreement(variants, decided or {})
    if teachers:
        config.model.pop("teacher", None)
        config.model.pop("teachers", None)
        config.model.update(teacher_settings(teachers))
    config.model.terms = {}
    for variant in variants.values():
        _merge(config, variant)
    config.merge_from_dict(_keys(methods, options or {}, kind))
    if weights := stage_weights(network):
        config.model.terms = for_stages(config.model.terms.to_dict(), weights)
    finish_model(config, "+".join(names), teachers)
    complete_run(config)
    return config


def complete_run(config: Config) -> None:
    """Add what every distillation run needs: hooks, the runner, and the import of mmkd."""
    _add_hooks(config, Config.fromfile(DISTILLATION).custom_hooks)
    config.setdefault("runner_type", "mmkd.SafeRunner")  # for other packages' tools
    _import_mmkd(config)


def settings_for(
    network: nn.Module, names: Sequence[str], options: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings of several methods for a built network, as a partial config.

    Args:
        network: The student.
        names: The methods; the settings have the terms of all of them.
        options: Settings of the methods by their short names.

    Raises:
        ArgumentError: If a method or option does not exist, or they do not fit together.
    """
    kind, methods = kind_of_network(network), [read_method(name) for name in names]
    variants = {method.name: method.variant(kind) for method in methods}
    if network_has_softmax(network):
        variants = for_softmax(variants)
    _check_agreement(variants, {})
    config = Config()
    for variant in variants.values():
        _merge(config, variant)
    config.merge_from_dict(_keys(methods, options or {}, kind))
    settings: Settings = config.to_dict()
    if stages := network_stage_weights(network):
        settings["model"]["terms"] = for_stages(settings["model"]["terms"], stages)
    return {name: value for name, value in settings.items() if value not in ([], {})}


def _wrap_student(config: Config, spec: Any) -> None:
    """Wrap the student of a plain training config into a distiller."""
    if spec is None:
        network = config.model.to_dict()
        scope = str(network["type"]).rpartition(".")[0] or config.get("default_scope")
        if scope:
            network.setdefault("_scope_", scope)
        config.model = dict(type="mmkd.Distiller", student=network)


def _of_pair(method: Method, kind: str, pair: str) -> Settings:
    """Return a method's settings for a kind of network, with those published for the pair."""
    merged = Config(deepcopy(method.variant(kind)))
    merged.merge_from_dict(deepcopy(dict(method.published.get(pair, {}))))
    return dict(merged.to_dict())


def _merge(config: Config, variant: Settings) -> None:
    """Merge a method's settings. Its hooks are added to the existing ones."""
    settings = deepcopy(variant)
    hooks = settings.pop("custom_hooks", [])
    student = config.get("model", {}).get("student")
    if isinstance(student, str) and isinstance(settings["model"].get("student"), Mapping):
        config.model.student = dict(config=student)
    config.merge_from_dict(settings)
    _add_hooks(config, hooks)


def _add_hooks(config: Config, hooks: Sequence[Settings]) -> None:
    """Add hooks to the custom ones, except those of a type that exists already."""
    present = [*(config.get("custom_hooks") or [])]
    types = {hook.get("type") for hook in present}
    config.custom_hooks = present + [hook for hook in hooks if hook["type"] not in types]


def _import_mmkd(config: Config) -> None:
    """Make the config import mmkd, which registers its parts for other packages' tools."""
    imports = config.get("custom_imports") or dict(imports=[], allow_failed_imports=False)
    names = [imports["imports"]] if isinstance(imports["imports"], str) else imports["imports"]
    config.custom_imports = {**imports, "imports": list(dict.fromkeys([*names, "mmkd"]))}


def _check_agreement(variants: Mapping[str, Settings], decided: Mapping[str, Any]) -> None:
    """Check that no two methods give one setting two values, unless the caller sets it."""
    seen: dict[str, tuple[str, Any]] = {}
    for name, variant in variants.items():
        for key, value in _leaves(variant):
            other, before = seen.setdefault(key, (name, value))
            if before != value and key not in decided and not key.endswith("custom_hooks"):
                raise ArgumentError(
                    f"The methods {other!r} and {name!r} do not agree: the one sets {key} to "
                    f"{before!r}, the other to {value!r}. Decide it: --cfg-options {key}=..."
                )


def _leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested settings as dotted keys and values."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _keys(methods: Sequence[Method], options: Mapping[str, Any], kind: str) -> Settings:
    """Return options by the dotted keys that their short names stand for.

    Raises:
        ArgumentError: If no method, or more than one, has an option of that name.
    """
    found: Settings = {}
    for text, value in options.items():
        owner, _, name = text.rpartition(".")
        having = [m for m in methods if name in m.options and owner in ("", m.name)]
        if not having:
            names = [name for method in methods for name in method.options]
            raise ArgumentError(
                f"There is no setting {text!r}.{did_you_mean(text, names)} "
                + " ".join(
                    f"Those of {method.name!r} are: {', '.join(method.options)}."
                    for method in methods
                )
            )
        if len({key for method in having for key in method.keys(name, kind)}) > 1 < len(having):
            raise ArgumentError(
                f"{' and '.join(method.name for method in having)} have a setting {name!r} each: "
                f"write {having[0].name}.{name}=... for that of {having[0].name!r}."
            )
        found.update((key, value) for key in having[0].keys(name, kind))
    return found
