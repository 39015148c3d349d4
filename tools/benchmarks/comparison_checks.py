"""Checks of a comparison before its first run."""

from pathlib import Path
from typing import Any

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmkd.benchmark.comparison import check_same_recipe
from mmkd.benchmark.memory import own_bytes
from mmkd.benchmark.runs import Run
from mmkd.engine.preflight import check_run
from mmkd.registry import MODELS

# isort: split
from comparison_rows import Plan

TRAIN = Path(__file__).resolve().parents[1] / "train.py"


def check(runs: Plan) -> dict[Path, int]:
    """Check all rows before the first run: recipe, schedule, data, and that the models build.

    Returns:
        The bytes of each run's model without its teachers, by the run's work folder.

    Raises:
        ValueError: If a run cannot start, or rows cannot be compared.
    """
    same_recipe = [run for same in runs.methods.values() for run in same]
    check_same_recipe([*runs.teachers.values(), *same_recipe])
    for run in runs.teachers.values():
        check_one(run)
    sizes = dict[Path, int]()
    for same in runs.methods.values():
        sizes |= dict.fromkeys([run.work_dir for run in same], own_bytes(check_one(same[0])))
    return sizes


def check_one(run: Run) -> Any:
    """Check one run, and return its model with uninitialised weights."""
    unit, number = run.length
    config = run.read_config()
    saving = config.get("default_hooks", {}).get("checkpoint", {})
    if saving.get("by_epoch", True) is not (unit == "epoch"):
        raise ValueError(
            f"{run.name} trains {number} {unit}s: its checkpoint hook needs "
            f"by_epoch={unit == 'epoch'}, or the last checkpoint has another name."
        )
    if not config.get("val_evaluator") or not config.get("val_dataloader"):
        raise ValueError(f"{run.name} has no val_evaluator or val_dataloader to compare by.")
    without_files(config)
    try:
        check_run(config, ["train_dataloader", "val_dataloader"], trains=True)
        return build(config)
    except Exception as error:  # a part may raise anything when it is built
        raise ValueError(f"{run.name}: {error}") from error


def without_files(config: Config) -> None:
    """Remove from a config the files of other runs, which do not exist yet."""
    config.model.pop("store", None)
    teachers = config.model.get("teachers") or {"teacher": config.model.get("teacher")}
    for teacher in teachers.values():
        if "checkpoint" in (teacher or {}):
            teacher.checkpoint = None


def build(config: Config) -> Any:
    """Return the model of a run's config with uninitialised weights."""
    init_default_scope(config.default_scope)
    if "data_preprocessor" in config:
        config.model.setdefault("data_preprocessor", config.data_preprocessor)
    return MODELS.build(config.model)
