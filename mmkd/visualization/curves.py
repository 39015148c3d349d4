"""Figure of logged values over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mmkd.benchmark.runs import read_scalars
from mmkd.visualization.style import color, legend_below, styled, whole_steps

Records = list[dict[str, Any]]
WIDEST = 3  # maximum number of panels beside each other
STYLES = ("-", "--", ":", "-.")


@styled
def draw_curves(runs: Mapping[str, Path], keys: Sequence[str]) -> Figure:
    """Draw logged values of training runs, with a panel for each entry and a line for each run.

    With several runs, colour tells the runs apart and line style the entries of a panel; with a
    single run, colour tells the entries apart.

    Args:
        runs: Work folders of tools/train.py, by the names of the runs in the figure.
        keys: Entries of the training or evaluation log; entries joined by ``+`` share a panel. A
            run that has not logged an entry has no line.

    Raises:
        ValueError: If a folder has no log, or no run has logged an entry.
    """
    logs = {name: read_scalars(folder) for name, folder in runs.items()}
    for name, log in logs.items():
        if not any(log):
            raise ValueError(f"{runs[name]} has no log of a training run.")
    columns = min(len(keys), WIDEST)
    rows = -(-len(keys) // columns)
    figure = Figure(figsize=(4.5 * columns, 3.5 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(panels, keys, strict=False):
        _draw_panel(axes, logs, panel)
    for axes in panels[len(keys) :]:
        axes.set_axis_off()
    return figure


def _draw_panel(axes: Any, logs: Mapping[str, tuple[Records, Records]], panel: str) -> None:
    together = panel.split("+")
    for number, key in enumerate(together):
        found = {name: line for name, log in logs.items() if (line := _line(log, key))}
        if not found:
            records = [record for log in logs.values() for part in log for record in part]
            known = ", ".join(sorted({key for record in records for key in record}))
            raise ValueError(f"No run has logged {key}. They have logged {known}.")
        for name, (unit, steps, values) in found.items():
            label = " ".join([name] * (len(logs) > 1) + [key] * (len(together) > 1))
            look = dict(color=color(number))
            if len(logs) > 1:
                own = color(list(logs).index(name))
                look = dict(color=own, linestyle=STYLES[number % len(STYLES)])
            axes.plot(steps, values, label=label, marker=".", **look)
            axes.set_xlabel(unit)
    whole_steps(axes)
    if len(together) == 1:
        axes.set_title(panel)
    if len(logs) > 1 or len(together) > 1:
        legend_below(axes)


def _line(log: tuple[Records, Records], key: str) -> tuple[str, list[int], list[float]] | None:
    """Return the unit of the steps, the steps and the values of an entry, if it was logged."""
    training, evaluation = log
    for records, unit in ((training, "iteration"), (evaluation, _evaluated_by(training))):
        found = [record for record in records if key in record]
        if found:
            return unit, [r["step"] for r in found], [r[key] for r in found]
    return None


def _evaluated_by(training: Records) -> str:
    return "epoch" if any("epoch" in record for record in training) else "iteration"
