"""Table of a comparison of methods."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from mmkd.benchmark.runs import Run

RECIPE = ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader", "val_dataloader")


@dataclass(frozen=True)
class Column:
    """Column of the table: a metric's key in the log, title, factor and digits."""

    metric: str
    title: str
    factor: float
    digits: int

    def values(self, outcomes: Sequence[dict[str, Any]]) -> list[float]:
        """Return the metric at the end of each run."""
        return [outcome["metrics"][self.metric][-1] * self.factor for outcome in outcomes]


@dataclass(frozen=True)
class Task:
    """Columns by which a task is compared; for the first one the best epoch is shown as well."""

    columns: list[Column]
    note: str


TASKS = (
    Task(
        [
            Column("accuracy/top1", "accuracy %", 1, 2),
            Column("calibration/ece", "ECE %", 100, 2),
            Column("calibration/nll", "NLL", 1, 3),
            Column("calibration/entropy", "entropy", 1, 3),
            Column("calibration/overconfidence", "over-confidence %", 100, 2),
        ],
        "ECE has 15 bins; NLL and entropy are in nats; the gap is the entropy minus that of the "
        "teachers; over-confidence is mean confidence minus accuracy.",
    ),
    Task(
        [
            Column("coco/bbox_mAP", "AP", 1, 3),
            Column("coco/bbox_mAP_50", "AP50", 1, 3),
            Column("coco/bbox_mAP_75", "AP75", 1, 3),
        ],
        "AP is MS-COCO's, the mean over IoU 0.50 to 0.95, from 0 to 1.",
    ),
)
ENTROPY = TASKS[0].columns[3]


def task_of(outcomes: dict[str, Any]) -> Task:
    """Return the task whose metrics the runs have logged."""
    logged = outcomes["student alone"][0]["metrics"]
    for task in TASKS:
        if all(column.metric in logged for column in task.columns):
            return task
    raise ValueError(
        f"The runs logged {', '.join(logged)}: a comparison needs mmpretrain's Accuracy and "
        "mmkd.Calibration of classifiers, or mmdet's CocoMetric of detectors."
    )


def check_same_recipe(runs: Sequence[Run]) -> None:
    """Check that runs differ only in their models.

    A method's parameters may have separate settings in the optimizer's
    ``paramwise_cfg.custom_keys``, which the table lists.

    Raises:
        ValueError: If the schedules, optimizers or data of the runs differ.
    """
    first = _recipe(runs[0])
    for run in runs[1:]:
        for key, value in _recipe(run).items():
            if value != first[key]:
                raise ValueError(
                    f"{run.name} has another {key} than {runs[0].name}: methods can only be "
                    "compared under one recipe."
                )


def _recipe(run: Run) -> dict[str, Any]:
    config = run.read_config()
    recipe = {key: config.get(key) for key in RECIPE}
    wrapper = dict(recipe["optim_wrapper"] or {})
    paramwise = dict(wrapper.pop("paramwise_cfg", None) or {})
    paramwise.pop("custom_keys", None)
    return {**recipe, "optim_wrapper": {**wrapper, **paramwise}}


def own_settings(run: Run) -> dict[str, Any]:
    """Return the optimizer settings of a run for single parameters, by their names."""
    wrapper = run.read_config().get("optim_wrapper") or {}
    return dict((wrapper.get("paramwise_cfg") or {}).get("custom_keys") or {})


def spread(values: Sequence[float], digits: int) -> str:
    """Return the mean, with the sample standard deviation if there are several values."""
    text = f"{mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {stdev(values):.{digits}f}"


def markdown(result: dict[str, Any]) -> str:
    """Return the page of a result of tools/benchmarks/compare_methods.py."""
    outcomes = result["outcomes"]
    epoch = outcomes["student alone"][0]["epochs"][-1]
    count = len(result["seeds"])
    teachers = "the teacher is one run" if len(outcomes["teacher"]) == 1 else "the teachers as well"
    lines = [
        f"# {result['title']}",
        "",
        f"Means ± sample standard deviations over {count} seeds; {teachers}."
        if count > 1
        else "A single seed.",
        "Differences of the size of these deviations, or of a single seed, may be chance.",
        f"Last epoch ({epoch}) on the test images, except where it says best: the best of all",
        "epochs on the same images, an optimistic choice that is shown apart for comparison only.",
        "",
        *_table(outcomes, result["costs"]),
        "",
        *_conditions(result),
    ]
    return "\n".join(lines) + "\n"


def _table(outcomes: dict[str, Any], costs: Mapping[str, Mapping[str, float]]) -> list[str]:
    columns = task_of(outcomes).columns
    best = f"best {columns[0].title}"
    plain = costs["student alone"]
    lines: list[str] = []
    for name, same in outcomes.items():
        cells = {"": name}
        for column in columns:
            cells[column.title] = spread(column.values(same), column.digits)
            if column == ENTROPY:
                gap = mean(column.values(same)) - mean(column.values(outcomes["teacher"]))
                cells["entropy gap"] = f"{gap:+.3f}"
        cost = costs[name]
        cells["ms/step"] = f"{cost['seconds'] * 1e3:.0f}"
        for other in ("student alone", "kd"):
            if other in outcomes:
                cells[f"x {other}"] = f"{cost['seconds'] / costs[other]['seconds']:.2f}"
        cells["extra parameters"] = f"{cost['parameters'] - plain['parameters']:+,.0f}"
        cells["extra MB"] = f"{(cost['bytes'] - plain['bytes']) / 1e6:+.1f}"
        cells[best] = spread(
            [max(run["metrics"][columns[0].metric]) * columns[0].factor for run in same],
            columns[0].digits,
        )
        if not lines:
            lines = [_row(list(cells)), _row(["---"] + ["---:"] * (len(cells) - 1))]
        lines.append(_row(list(cells.values())))
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _conditions(result: dict[str, Any]) -> list[str]:
    data = result["data"]
    outcomes = [outcome for same in result["outcomes"].values() for outcome in same]
    seconds = sum(outcome["seconds"] for outcome in outcomes)
    # Runs of an earlier call are not repeated; the table names the code that they were trained
    # with.
    commits = {outcome["commit"] for outcome in outcomes}
    parts = {
        "Data": f"train {_settings(data['train'])}; test {_settings(data['test'])}",
        "Batch size": data["batch_size"],
        "Recipe": "; ".join(f"{key} {_settings(value)}" for key, value in result["recipe"].items()),
        **_own(result),
        "Seeds": ", ".join(str(seed) for seed in result["seeds"]),
        "Configs": ", ".join(f"{name}: `{path}`" for name, path in result["configs"].items()),
        "Machine": f"{result['machine']}; {result['jobs']} runs at a time",
        "Training time": f"{seconds / 60:.0f} minutes, summed over all runs",
        "Versions": ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
        "Commit": ", ".join(f"`{commit}`" for commit in sorted(commits)),
        "Command": f"`{result['command']}`",
    }
    notes = [
        task_of(result["outcomes"]).note,
        "Milliseconds per training step are medians of steps that took turns in one process. Extra "
        "is what is more than of the student alone: parameters that are trained; megabytes of all "
        "weights, the teachers' too, and of a step's tensors at their peak.",
    ]
    if result.get("note"):
        notes += ["", result["note"]]
    return [*notes, "", *(f"- {name}: {text}" for name, text in parts.items())]


def _own(result: dict[str, Any]) -> dict[str, str]:
    own = {name: settings for name, settings in result["own_settings"].items() if settings}
    shown = ", ".join(f"{name} {_settings(settings)}" for name, settings in own.items())
    return {"Settings of a method's own parameters": shown} if own else {}


def _settings(value: Any) -> str:
    return f"`{json.dumps(value, default=str)}`"
