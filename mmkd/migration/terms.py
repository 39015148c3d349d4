"""Conversion of mmrazor's ConfigurableDistiller to terms."""

from collections.abc import Callable, Mapping
from typing import Any

from mmkd.arguments import check_arguments
from mmkd.migration.losses import (
    LOSSES,
    OF_LOGITS,
    PARTS,
    Config,
    Entry,
    conv_module,
)
from mmkd.migration.report import NoCounterpartError, Report

# Inputs of mmrazor's losses that mmkd passes by itself to a loss that needs them.
GIVEN = {"gt_labels", "data_samples"}
RECORDERS = dict(ModuleOutputs="", ModuleInputs=":input")
KEYS = {"student_recorders", "teacher_recorders", "distill_losses", "connectors"}
KEYS |= {"loss_forward_mappings"}


def terms_of(distiller: Mapping[str, Any], classes: Callable[[], int], report: Report) -> Config:
    """Return the terms of a distiller, and report the settings that have no counterpart.

    Args:
        distiller: Settings of mmrazor's distiller.
        classes: Returns the number of classes of the student's head.
        report: Gets notes and problems, by key.
    """
    for key in distiller:
        if key not in KEYS | {"type", "_scope_"}:
            report.problem(f"model.distiller.{key}", "has no counterpart.")
    terms: Config = {}
    mappings = distiller.get("loss_forward_mappings") or {}
    for name, inputs in mappings.items():
        key = f"model.distiller.distill_losses.{name}"
        with report.at(key):
            settings = dict(distiller.get("distill_losses") or {}).get(name)
            if settings is None:
                raise NoCounterpartError("loss_forward_mappings names it, and there is none.")
            entry = _entry(distiller, inputs, classes)
            terms[name.removeprefix("loss_")] = term_of(settings, entry)
            for words in entry.notes:
                report.note(key, words)
    return terms


def term_of(settings: Mapping[str, Any], entry: Entry) -> Config:
    """Return the term of one loss.

    Raises:
        NoCounterpartError: If the loss or one of its connectors has no counterpart.
    """
    kind, arguments = _split(settings)
    if kind not in LOSSES:
        raise NoCounterpartError(f"mmkd has no {kind}: see `python -m mmkd methods`.")
    _check(LOSSES[kind], dict(arguments, entry=entry), kind)
    part = LOSSES[kind](entry, **arguments)
    term: Config = dict(student=entry.student, teacher=entry.teacher)
    if kind in OF_LOGITS and entry.student_connector is not None:
        raise NoCounterpartError("a connector of logits has no counterpart.")
    if connector := _connector(kind, entry):
        term["connector"] = connector
    return term | part


def _entry(distiller: Mapping[str, Any], inputs: Config, classes: Callable[[], int]) -> Entry:
    """Return the inputs of a loss, read from its forward mapping."""
    sides: dict[bool, tuple[str, Config | None]] = {}
    for name, mapping in inputs.items():
        if name in GIVEN:
            continue
        own = bool(mapping.get("from_student"))
        if own in sides:
            side = "student" if own else "teacher"
            raise NoCounterpartError(f"it takes two tensors of the {side}; a term takes one pair.")
        sides[own] = _side(distiller, own, mapping)
    if set(sides) != {True, False}:
        raise NoCounterpartError("it does not compare a tensor of the student with a teacher's.")
    return Entry(sides[True][0], sides[False][0], sides[True][1], sides[False][1], classes)


def _side(
    distiller: Mapping[str, Any], student: bool, mapping: Config
) -> tuple[str, Config | None]:
    """Return the tap and the connector of one input of a loss."""
    name = "student_recorders" if student else "teacher_recorders"
    recorder = dict(distiller.get(name) or {}).get(mapping.get("recorder"))
    if recorder is None:
        raise NoCounterpartError(f"there is no recorder {mapping.get('recorder')!r} in {name}.")
    kind, source = _split(recorder)[0], recorder.get("source", "")
    if kind not in RECORDERS:
        raise NoCounterpartError(
            f"a recorder {kind} has no counterpart: a tap reads what a module takes or gives."
        )
    if mapping.get("record_idx", 0):
        raise NoCounterpartError(
            f"record_idx={mapping['record_idx']}, a later run of {source!r}, has no counterpart: "
            f"tap the module that gives this tensor, such as {source.rpartition('.')[0]!r}."
        )
    item = mapping.get("data_idx")
    tap = source + RECORDERS[kind] + ("" if item is None else f"[{item}]")
    connector = None
    if named := mapping.get("connector"):
        connector = dict(distiller.get("connectors") or {}).get(named)
        if not isinstance(connector, Mapping):
            raise NoCounterpartError(f"its connector {named!r} is not one module.")
    return tap, None if connector is None else dict(connector)


def _connector(kind: str, entry: Entry) -> Config | None:
    """Return the connector of a term, unless it is a part of the loss."""
    given = entry.student_connector, entry.teacher_connector
    types = [None if config is None else _split(config)[0] for config in given]
    student, teacher = PARTS.get(kind, (None, None))
    if types[1] != teacher:
        raise NoCounterpartError(f"the teacher's connector {types[1]} has no counterpart.")
    if student is not None and types[0] != student:
        raise NoCounterpartError(f"the student's connector is {types[0]}, not {student}.")
    if student is not None or given[0] is None:
        return None
    if types[0] != "ConvModuleConnector":
        raise NoCounterpartError(f"the student's connector {types[0]} has no counterpart.")
    arguments = _split(given[0])[1]
    _check(conv_module, arguments, "ConvModuleConnector")
    return conv_module(**arguments)


def _split(settings: Mapping[str, Any]) -> tuple[str, Config]:
    """Return a type without its scope, and the other settings."""
    others = {key: value for key, value in settings.items() if key not in ("type", "_scope_")}
    return str(settings["type"]).rpartition(".")[2], others


def _check(function: Callable[..., Config], arguments: Config, kind: str) -> None:
    try:
        check_arguments(function, arguments, kind)
    except ValueError as error:
        raise NoCounterpartError(str(error)) from error
