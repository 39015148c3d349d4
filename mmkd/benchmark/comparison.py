"""Table of a comparison of methods."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from mmkd.benchmark.columns import ENTROPY, Column, column_of, columns_of, notes_of
from mmkd.benchmark.runs import Run
from mmkd.benchmark.statistics import Difference, Rule, differences

RECIPE = ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader", "val_dataloader")
ALONE = "student alone"
WIDTH = 100
STEP = (
    "Milliseconds per training step are medians of steps that took turns in one process. Extra is "
    "what is more than of the student alone: parameters that are trained; megabytes of all "
    "weights, the teachers' too, and of a step's tensors at their peak."
)


def check_same_recipe(runs: Sequence[Run]) -> None:
    """Check that runs differ only in their models.

    The optimizer may have separate settings for a method's own parameters in
    ``paramwise_cfg.custom_keys``; the table lists them.

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
    """Return a run's optimizer settings for individual parameters, by the parameters' names."""
    wrapper = run.read_config().get("optim_wrapper") or {}
    return dict((wrapper.get("paramwise_cfg") or {}).get("custom_keys") or {})


def spread(values: Sequence[float], digits: int) -> str:
    """Return the mean, with the sample standard deviation if there are several values."""
    text = f"{mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {stdev(values):.{digits}f}"


def markdown(result: dict[str, Any]) -> str:
    """Return the Markdown page for a result of tools/benchmarks/compare_methods.py."""
    planned = len(result["planned"])
    lines = [f"# {result['title']}", ""]
    if result.get("note"):
        lines += [*wrapped(result["note"]), ""]
    if not complete(result):
        runs = f"{len(result['cells'])} of {planned * len(result['seeds'])} runs have finished"
        lines += [f"No row can be shown yet: {runs}.", ""]
        return "\n".join([*lines, *_decisions(result), *_conditions(result)]) + "\n"
    outcomes = result["outcomes"]
    count = len(result["seeds"])
    teachers = "the teacher is one run" if len(outcomes["teacher"]) == 1 else "the teachers as well"
    lines += [
        f"Means ± sample standard deviations over {count} seeds; {teachers}."
        if count > 1
        else "A single seed.",
        "Differences of the size of these deviations, or of a single seed, may be chance.",
        *_last_and_best(outcomes[ALONE][0]["epochs"]),
    ]
    if missing := planned - (len(outcomes) - 1):
        lines.append(f"Of {planned} planned rows, {missing} are unfinished and not shown.")
    lines += ["", *_table(outcomes, result["costs"]), "", *_decisions(result), *_conditions(result)]
    return "\n".join(lines) + "\n"


def complete(result: Mapping[str, Any]) -> bool:
    """Return whether the rows that a table needs are finished: teacher and plain student."""
    return {"teacher", ALONE} <= {*result["outcomes"]}


def _last_and_best(evaluations: Sequence[int]) -> list[str]:
    if len(evaluations) == 1:
        return [f"The end of training ({evaluations[-1]}) on the test images."]
    return [
        f"Last epoch ({evaluations[-1]}) on the test images, except where it says best: the best",
        "of all epochs on the same images, an optimistic choice that is shown apart.",
    ]


def judged(result: Mapping[str, Any]) -> list[Difference]:
    """Return the paired differences of a result's finished rows, by the result's rule."""
    rule: Rule = result["rule"]
    rows = [name for name in result["outcomes"] if name != "teacher"]
    column = Column(rule.metric, rule.title, rule.factor)
    values = {name: column.values(result["outcomes"][name]) for name in rows}
    return differences(values, rule, result["planned"])


def _decisions(result: Mapping[str, Any]) -> list[str]:
    """Return the section with the rule and the differences, judged by the rule."""
    rule, found = result["rule"], judged(result)
    lines = ["## Differences", "", *wrapped(rule.text(len(rule.pairs(result["planned"])))), ""]
    if not found:
        return lines
    lines += difference_lines(found, column_of(rule.metric).digits)
    if figure := result.get("figure"):
        lines += ["", f"![Differences with their intervals]({figure})"]
    return [*lines, ""]


def difference_lines(found: Sequence[Difference], digits: int) -> list[str]:
    """Return the lines of a table of differences."""
    titles = ("", "against", "difference", "95 % interval", "p, corrected", "by seed", "verdict")
    lines = [_row(titles), _row(["---"] * 2 + ["---:"] * 4 + ["---"])]
    for one in found:
        cells = [one.row, one.baseline, f"{one.mean:+.{digits}f}", "", "", "", one.verdict]
        if one.low is not None and one.high is not None and one.p is not None:
            cells[3] = f"{one.low:+.{digits}f} to {one.high:+.{digits}f}"
            cells[4] = f"{one.p:.3f}"
        cells[5] = ", ".join(f"{value:+.{digits}f}" for value in one.values)
        lines.append(_row(cells))
    return lines


def _table(outcomes: dict[str, Any], costs: Mapping[str, Mapping[str, float]]) -> list[str]:
    columns = columns_of(outcomes[ALONE][0]["metrics"])
    several = len(outcomes[ALONE][0]["epochs"]) > 1
    lines: list[str] = []
    for name, same in outcomes.items():
        cells = {"": name}
        for column in columns:
            there = all(column.metric in outcome["metrics"] for outcome in same)
            cells[column.title] = spread(column.values(same), column.digits) if there else ""
            if column == ENTROPY:
                gap = mean(column.values(same)) - mean(column.values(outcomes["teacher"]))
                cells["entropy gap"] = f"{gap:+.3f}"
        cells |= _costs(name, costs)
        cells["minutes/run"] = f"{mean(outcome['seconds'] for outcome in same) / 60:.1f}"
        if several:
            best = [max(run["metrics"][columns[0].metric]) * columns[0].factor for run in same]
            cells[f"best {columns[0].title}"] = spread(best, columns[0].digits)
        if not lines:
            lines = [_row(list(cells)), _row(["---"] + ["---:"] * (len(cells) - 1))]
        lines.append(_row(list(cells.values())))
    return lines


def _costs(name: str, costs: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Return the cells about a row's training step, if steps were measured."""
    if not costs:
        return {}
    cost, plain = costs[name], costs[ALONE]
    cells = {"ms/step": f"{cost['seconds'] * 1e3:.0f}"}
    for other in (ALONE, "kd"):
        if other in costs:
            cells[f"x {other}"] = f"{cost['seconds'] / costs[other]['seconds']:.2f}"
    cells["extra parameters"] = f"{cost['parameters'] - plain['parameters']:+,.0f}"
    cells["extra MB"] = f"{(cost['bytes'] - plain['bytes']) / 1e6:+.1f}"
    return cells


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _conditions(result: dict[str, Any]) -> list[str]:
    data = result["data"]
    outcomes = [outcome for same in result["outcomes"].values() for outcome in same]
    seconds = sum(outcome["seconds"] for outcome in outcomes)
    # Runs of an earlier call are not repeated; the table names the commit that trained them.
    commits = {outcome["commit"] for outcome in outcomes}
    parts = {
        "Data": f"train {_settings(data['train'])}; test {_settings(data['test'])}",
        "Batch size": data["batch_size"],
        "Recipe": "; ".join(f"{key} {_settings(value)}" for key, value in result["recipe"].items()),
        **_own(result),
        **_tuned(result),
        "Seeds": ", ".join(str(seed) for seed in result["seeds"]),
        "Configs": ", ".join(f"{name}: `{path}`" for name, path in result["configs"].items()),
        "Machine": f"{result['machine']}; {result['jobs']} runs at a time",
        "Training time": f"{seconds / 60:.0f} minutes, summed over all runs" if seconds else "",
        "Versions": ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
        "Commit": ", ".join(f"`{commit}`" for commit in sorted(commits)),
        "Command": f"`{result['command']}`",
    }
    notes: list[str] = []
    if complete(result):
        notes += notes_of(columns_of(result["outcomes"][ALONE][0]["metrics"]))
    if result["costs"]:
        notes.append(STEP)
    lines = [line for note in notes for line in wrapped(note)] + [""] * bool(notes)
    for name, text in parts.items():
        if text:
            lines += wrapped(f"- {name}: {text}", "  ")
    return lines


def wrapped(text: str, indent: str = "") -> list[str]:
    """Break a text into lines of at most 100 columns, also at spaces within back ticks."""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _own(result: dict[str, Any]) -> dict[str, str]:
    own = {name: settings for name, settings in result["own_settings"].items() if settings}
    shown = ", ".join(f"{name} {_settings(settings)}" for name, settings in own.items())
    return {"Settings of a method's own parameters": shown} if own else {}


def _tuned(result: dict[str, Any]) -> dict[str, str]:
    """Return the part about the searches that found the rows' settings."""
    tuned = [
        f"{name} {_settings(one['settings'])} of {_settings(one['space'])} in "
        f"{one['trials'] + one['failed']} trials"
        for name, one in result.get("tuned", {}).items()
    ]
    return {"Tuned on validation images": "; ".join(tuned)} if tuned else {}


def _settings(value: Any) -> str:
    return f"`{json.dumps(value, default=str)}`"
