"""The table of a comparison of methods."""

import json
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from mmkd.engine.runs import Run

RECIPE = ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader", "val_dataloader")
METRICS = {  # metric: column, factor, digits
    "calibration/ece": ("ECE %", 100, 2),
    "calibration/nll": ("NLL", 1, 3),
    "calibration/entropy": ("entropy", 1, 3),
    "calibration/overconfidence": ("over-confidence %", 100, 2),
}
ACCURACY = "accuracy/top1"


def check_same_recipe(runs: Sequence[Run]) -> None:
    """Check that runs differ in their models only.

    Raises:
        ValueError: If their schedules, optimizers or data differ.
    """
    first = runs[0].read_config()
    for run in runs[1:]:
        config = run.read_config()
        for key in RECIPE:
            if config.get(key) != first.get(key):
                raise ValueError(
                    f"{run.name} has another {key} than {runs[0].name}: methods can only be "
                    "compared under one recipe."
                )


def spread(values: Sequence[float], digits: int) -> str:
    """Return the mean, with the sample standard deviation where there are several values."""
    text = f"{mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {stdev(values):.{digits}f}"


def markdown(result: dict[str, Any]) -> str:
    """Return the page of a result, as tools/benchmarks/compare_methods.py collects it."""
    outcomes = result["outcomes"]
    epoch = outcomes["student alone"][0]["epochs"][-1]
    count = len(result["seeds"])
    lines = [
        f"# {result['title']}",
        "",
        f"Means ± sample standard deviations over {count} seeds; the teacher is one run."
        if count > 1
        else "A single seed.",
        "Differences of the size of these deviations, or of a single seed, may be chance.",
        f"Last epoch ({epoch}) on the test images, except where it says best: the best of all",
        "epochs on the same images, an optimistic choice that is shown apart for comparison only.",
        "",
        *_table(outcomes, result["gpu"]),
        "",
        *_conditions(result),
    ]
    return "\n".join(lines) + "\n"


def _table(outcomes: dict[str, Any], gpu: bool) -> list[str]:
    memory = "peak GPU MB" if gpu else "peak MB of the process"
    titles = [title for title, _, _ in METRICS.values()]
    header = ["", "accuracy %", *titles, "s/iteration", "x student", memory, "best accuracy %"]
    lines = [_row(header), _row(["---"] + ["---:"] * (len(header) - 1))]
    plain = mean(outcome["iteration"] for outcome in outcomes["student alone"])
    for name, same in outcomes.items():
        cells = [name, spread(_last(same, ACCURACY), 2)]
        for metric, (_, factor, digits) in METRICS.items():
            cells.append(spread([value * factor for value in _last(same, metric)], digits))
        seconds = [outcome["iteration"] for outcome in same]
        cells += [spread(seconds, 3), f"{mean(seconds) / plain:.2f}"]
        cells.append(f"{max(outcome['memory'] for outcome in same):.0f}")
        best = [max(outcome["metrics"][ACCURACY]) for outcome in same]
        lines.append(_row([*cells, spread(best, 2)]))
    return lines


def _last(outcomes: Sequence[dict[str, Any]], metric: str) -> list[float]:
    return [outcome["metrics"][metric][-1] for outcome in outcomes]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _conditions(result: dict[str, Any]) -> list[str]:
    data = result["data"]
    outcomes = [outcome for same in result["outcomes"].values() for outcome in same]
    seconds = sum(outcome["seconds"] for outcome in outcomes)
    # Runs of an earlier call are not repeated: what counts is the code that they were trained with.
    commits = {outcome["commit"] for outcome in outcomes}
    parts = {
        "Data": f"train {_settings(data['train'])}; test {_settings(data['test'])}",
        "Batch size": data["batch_size"],
        "Recipe": "; ".join(f"{key} {_settings(value)}" for key, value in result["recipe"].items()),
        "Seeds": ", ".join(str(seed) for seed in result["seeds"]),
        "Configs": ", ".join(f"{name}: `{path}`" for name, path in result["configs"].items()),
        "Machine": f"{result['machine']}; {result['jobs']} runs at a time",
        "Training time": f"{seconds / 60:.0f} minutes, summed over all runs",
        "Versions": ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
        "Commit": ", ".join(f"`{commit}`" for commit in sorted(commits)),
        "Command": f"`{result['command']}`",
    }
    notes = [
        "ECE has 15 bins; NLL and entropy are in nats; over-confidence is mean confidence minus",
        "accuracy. Seconds per iteration are the median of the log's and include loading data.",
    ]
    if result.get("note"):
        notes += ["", result["note"]]
    return [*notes, "", *(f"- {name}: {text}" for name, text in parts.items())]


def _settings(value: Any) -> str:
    return f"`{json.dumps(value, default=str)}`"
