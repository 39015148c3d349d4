"""Checks before anything is built: names, networks, weights and data of a run."""

import difflib
import inspect
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmkd.engine.data_files import missing_data
from mmkd.engine.launch import LOADERS, ArgumentError
from mmkd.engine.weight_files import missing_weights
from mmkd.networks.building import network_config, student_spec
from mmkd.registry import (
    DATALOADERS,
    DATASETS,
    HOOKS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    PartRegistry,
)

LISTED = 6
EVALUATORS = ("val_evaluator", "test_evaluator")


def check_run(config: Config, loaders: Sequence[str], trains: bool) -> None:
    """Check that everything a run needs exists, before anything is built.

    Args:
        config: The config of the run.
        loaders: Names of the data loaders that it uses.
        trains: Whether the networks are initialised, so that their pretrained weights are read.

    Raises:
        ArgumentError: If something is missing or misspelt. The message lists up to 6 problems.
    """
    with redirect_stdout(io.StringIO()):  # packages of the stack print when they are imported
        problems = [
            *misspelt_keys(config),
            *_misplaced(config.get("model")),
            *_wrong_parts(config),
            *missing_weights(config, trains),
            *missing_data(config, loaders),
        ]
    if problems:
        found = list(dict.fromkeys(problems))
        more = [f"- and {len(found) - LISTED} more"] if len(found) > LISTED else []
        lines = [f"- {text}" for text in found[:LISTED]]
        raise ArgumentError("\n".join(["the run cannot start.", *lines, *more]))


def misspelt_keys(config: Config) -> Iterator[str]:
    """Yield the keys of a config that nothing reads and that resemble a key that is read."""
    # Some arguments have names that are also likely names of variables.
    known = {*inspect.signature(Runner).parameters, "custom_imports"} - {"model", "cfg", "resume"}
    for key in config:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.9)
        if key not in known and near and key != "model":
            yield f"The config's key {key!r} means nothing. Did you mean {near[0]!r}?"


def _misplaced(model: Any) -> Iterator[str]:
    """Yield messages about settings of the student that were given to the distiller instead."""
    student = student_spec(model) if isinstance(model, Mapping) else None
    if isinstance(student, str | dict):
        taken = inspect.signature(MODELS.get(model["type"])).parameters
        if unknown := model.keys() - taken.keys() - {"type", "_scope_"}:
            for key in sorted(unknown & network_config(student).keys()):
                yield f"model.{key} is a setting of the student: write model.student.{key}."


def _wrong_parts(config: Config) -> Iterator[str]:
    """Yield errors in types and arguments of mmkd's parts that the Runner builds."""
    for registry, part in _parts(config):
        try:
            registry.check(part)
        except (KeyError, ValueError) as error:
            yield str(error)


def _parts(config: Config) -> Iterator[tuple[PartRegistry, Any]]:
    yield MODELS, config.get("model")
    yield OPTIM_WRAPPERS, config.get("optim_wrapper")
    for hook in [
        *_listed(config.get("custom_hooks")),
        *(config.get("default_hooks") or {}).values(),
    ]:
        yield HOOKS, hook
    for field in EVALUATORS:
        evaluator = config.get(field)
        if isinstance(evaluator, Mapping) and "metrics" in evaluator:  # an evaluator is no metric
            evaluator = evaluator["metrics"]
        for metric in _listed(evaluator):
            yield METRICS, metric
    for field in LOADERS:
        loader = config.get(field) or {}
        yield DATALOADERS, loader
        yield DATASETS, loader.get("dataset")


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, Mapping) else [*(value or [])]
