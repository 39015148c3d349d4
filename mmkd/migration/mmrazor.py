"""Configs of mmrazor's knowledge distillation as configs of mmkd."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmkd.compat.config import resolve
from mmkd.composition.composing import complete_run
from mmkd.migration.losses import Config as Settings
from mmkd.migration.report import NoCounterpartError, Report
from mmkd.migration.terms import terms_of
from mmkd.networks.building import network_config

ALGORITHMS = ("SingleTeacherDistill", "FpnTeacherDistill", "OverhaulFeatureDistillation")
OTHERS = dict(
    SelfDistill="a network that teaches its earlier stages is --method byot, with other branches.",
    DataFreeDistillation="distillation without data has no counterpart.",
    DAFLDataFreeDistillation="distillation without data has no counterpart.",
)
# Values that these settings of the model must have, because mmkd supports no others.
FIXED = dict(teacher_trainable=False, student_trainable=True, teacher_norm_eval=True)
READ = {"architecture", "teacher", "teacher_ckpt", "distiller", "data_preprocessor", "init_cfg"}
READ |= {"calculate_student_loss", "teacher_module_inplace", "type", "_scope_"}
# Settings of a run besides the arguments of the Runner.
RUN = {"auto_scale_lr", "custom_imports", "default_scope", "find_unused_parameters"}
RUN |= {"model_wrapper_cfg", "runner_type"}


@dataclass
class Conversion:
    """A converted config.

    Attributes:
        config: The config for mmkd.
        notes: What was changed or left out, as ``key: words``.
    """

    config: Config
    notes: list[str]


def convert(config: Config, partial: bool = False) -> Conversion:
    """Convert a config that ``Config.fromfile`` read.

    Args:
        config: The config of mmrazor.
        partial: Whether to leave out losses without a counterpart, if others remain.

    Raises:
        NotConvertibleError: If settings have no counterpart; the message has a line for each key.
    """
    report = Report()
    model = config.get("model") or {}
    kind = str(model.get("type", "")).rpartition(".")[2]
    if kind not in ALGORITHMS:
        words = OTHERS.get(kind, f"it is one of {', '.join(ALGORITHMS)}.")
        report.problem("model.type", f"{kind or 'missing'}: {words}")
        report.check()
    settings = _renamed(config.to_dict())
    model, run = settings.pop("model"), _run(settings, report)
    _check_model(model, report)
    made: Settings = dict(type="mmkd.Distiller")
    with report.at("model.architecture"):
        made["student"] = _student(model, run, report)
    with report.at("model.teacher"):
        made["teacher"] = _teacher(model, run, report)
    if not model.get("calculate_student_loss", True):
        made["student_loss_weight"] = 0.0
    losses = Report()
    made["terms"] = terms_of(model["distiller"], lambda: _classes(made), losses)
    report.notes += losses.notes
    if partial and made["terms"]:
        report.notes += [f"{line} Left out." for line in losses.problems]
    else:
        report.problems += losses.problems
    report.check()
    converted = Config({**run, "model": made})
    complete_run(converted)
    return Conversion(converted, report.notes)


def _renamed(value: Any) -> Any:
    """Return settings with mmpretrain in place of mmcls in scopes, types and paths."""
    if isinstance(value, Mapping):
        return {key: _renamed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_renamed(each) for each in value)
    if isinstance(value, str):
        return re.sub(r"^mmcls(?=$|\.|::)", "mmpretrain", value)
    return value


def _check_model(model: Settings, report: Report) -> None:
    """Report the model's settings that have no counterpart."""
    for key, value in model.items():
        if key in FIXED:
            if value != FIXED[key]:
                report.problem(f"model.{key}", f"is always {FIXED[key]} in mmkd.")
        elif key not in READ:
            report.problem(f"model.{key}", "has no counterpart.")
    for part in ("architecture", "teacher"):
        for key, value in _mentions(model.get(part), f"model.{part}"):
            report.problem(key, f"{value} is a part of mmrazor that mmkd does not have.")


def _mentions(value: Any, key: str) -> list[tuple[str, str]]:
    """Return the keys and values that name a part or a config of mmrazor."""
    if isinstance(value, Mapping):
        return [one for name, each in value.items() for one in _mentions(each, f"{key}.{name}")]
    if isinstance(value, list | tuple):
        pairs = enumerate(value)
        return [one for index, each in pairs for one in _mentions(each, f"{key}[{index}]")]
    named = isinstance(value, str) and re.match(r"mmrazor($|\.|::)", value)
    return [(key, value)] if named else []


def _student(model: Settings, run: Settings, report: Report) -> Any:
    """Return the student, with the normalisation that mmrazor's algorithm applies."""
    described = dict(model["architecture"])
    if described.get("pretrained"):
        report.note(
            "model.architecture.pretrained",
            "the student starts from its config's init_cfg: give model.student.init_cfg.",
        )
    student = _network(described, run, report)
    if pretrained := model.get("init_cfg"):
        report.note(
            "model.init_cfg",
            "student and, without teacher_ckpt, teacher are read from the keys that mmrazor "
            "gives them; other parts begin anew.",
        )
        weights = dict(checkpoint=pretrained["checkpoint"], prefix="architecture.")
        student = _with(student, init_cfg=dict(type="Pretrained", **weights))
    own = network_config(student).get("data_preprocessor") or {}
    outer = run.pop("data_preprocessor", None) or {}
    given = _normalisation(model, run.get("default_scope"))
    wanted = given or own or outer
    changes = {key: value for key, value in wanted.items() if own.get(key) != value}
    return _with(student, data_preprocessor=changes) if changes else student


def _with(network: Any, **settings: Settings) -> Settings:
    """Return a network's description with additional settings."""
    if isinstance(network, str):
        return dict(config=network, **settings)
    merged = Config(network)
    merged.merge_from_dict(settings)
    return dict(merged.to_dict())


def _normalisation(model: Settings, scope: str | None) -> Settings:
    """Return the settings of the algorithm's preprocessor, by their names in the stock packages."""
    given = dict(model.get("data_preprocessor") or {})
    kind = str(given.pop("type", "")).rpartition(".")[2]
    given.pop("_scope_", None)
    if kind not in ("", "ImgDataPreprocessor"):
        return dict(given, type=kind)
    if scope == "mmpretrain" and "bgr_to_rgb" in given:
        given["to_rgb"] = given.pop("bgr_to_rgb")
    return given


def _teacher(model: Settings, run: Settings, report: Report) -> Settings:
    """Return the teacher with its checkpoint."""
    teacher: Settings = dict(model=_network(dict(model["teacher"]), run, report))
    if checkpoint := model.get("teacher_ckpt"):
        return teacher | dict(checkpoint=checkpoint)
    if checkpoint := dict(model.get("init_cfg") or {}).get("checkpoint"):
        return teacher | dict(checkpoint=checkpoint, prefix="teacher.")
    report.note(
        "model.teacher_ckpt", "there is none: give model.teacher.checkpoint, or it stays untrained."
    )
    return teacher


def _network(given: Settings, run: Settings, report: Report) -> Any:
    """Return mmkd's description of a network: the name of its config, or its settings."""
    if "cfg_path" not in given:
        return dict(_scope_=run.get("default_scope", "mmengine")) | given
    path = given["cfg_path"]
    try:
        if Path(resolve(path)).is_file():
            return path
        found = None
    except FileNotFoundError:
        found = _with_dashes(path)
    except ModuleNotFoundError as error:
        raise NoCounterpartError(f"{path} cannot be read: {error}.") from error
    if found is None:
        raise NoCounterpartError(f"there is no config {path}.")
    report.note(path, f"is called {found} today.")
    return found


def _with_dashes(path: str) -> str | None:
    """Return the name of a config that differs only in dashes and underscores, or ``None``."""
    package, _, name = path.partition("::")
    folder = Path(resolve(f"{package}::_base_/default_runtime.py")).parents[1] / name
    siblings = folder.parent.glob("*.py")
    same = [each.name for each in siblings if _dashed(each.name) == _dashed(folder.name)]
    return f"{package}::{Path(name).parent.as_posix()}/{same[0]}" if len(same) == 1 else None


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _classes(made: Settings) -> int:
    """Return the number of classes of the converted student's head."""
    if "student" not in made:
        raise NoCounterpartError("the student's number of classes is not known.")
    head = network_config(made["student"]).get("head") or {}
    if not isinstance(head.get("num_classes"), int):
        raise NoCounterpartError("reduction='mean' needs a classifier, whose head has num_classes.")
    return int(head["num_classes"])


def _run(settings: Settings, report: Report) -> Settings:
    """Return the settings of the run, without helper variables and parts of mmrazor."""
    names = {*inspect.signature(Runner.__init__).parameters} | RUN
    run = {key: value for key, value in settings.items() if key in names}
    if "optimizer_config" in settings:
        report.note("optimizer_config", "left out: MMEngine ignores it. See optim_wrapper.")
    for key in ("val_cfg", "test_cfg"):
        if re.match(r"mmrazor\.\w+DistillValLoop", str((run.get(key) or {}).get("type"))):
            run[key] = {}  # mmkd.TeacherEvaluationHook evaluates the teacher
    hooks = run.get("default_hooks") or {}
    if str(hooks.get("visualization", {}).get("type")).endswith("RazorVisualizationHook"):
        hooks["visualization"] = dict(type="VisualizationHook")
        report.note("default_hooks.visualization", "left out: mmkd draws no feature maps.")
    plain: Settings = _plain(run, run.get("default_scope"))
    for key, value in _mentions(plain, "")[:5]:
        report.problem(key[1:], f"{value} is a part of mmrazor that mmkd does not have.")
    return plain


def _plain(value: Any, scope: str | None) -> Any:
    """Return settings without the default scope, and with mmpretrain's data sets for mmrazor's CRD.

    mmkd's CRD draws its negatives by itself.
    """
    if isinstance(value, list | tuple):
        return type(value)(_plain(each, scope) for each in value)
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("type", "")).rpartition(".")[2]
    if kind == "CRDDataset":
        return _plain(value["dataset"], scope)
    if kind == "PackCRDClsInputs":
        return dict(type="mmpretrain.PackInputs")
    items = ((key, _plain(each, scope)) for key, each in value.items())
    kept: Settings = {key: each for key, each in items if (key, each) != ("_scope_", scope)}
    return kept
