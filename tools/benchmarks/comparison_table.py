"""Files of a comparison: its page, its JSON and its figure, written whenever a run has finished."""

import json
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comparison_rows import Plan, tuned_rows

from mmkd.benchmark.cells import Cells
from mmkd.benchmark.comparison import ALONE, judged, markdown, own_settings
from mmkd.benchmark.runs import Run
from mmkd.benchmark.statistics import Rule
from mmkd.compat.files import write_file
from mmkd.compat.machine import provenance
from mmkd.visualization.differences import draw_differences

ROOT = Path(__file__).resolve().parents[2]


class Table:
    """The files of a comparison, with the rows that are complete.

    Args:
        arguments: The arguments of the command.
        runs: All runs of the comparison.
        rule: Its rule.
    """

    def __init__(self, arguments: Namespace, runs: Plan, rule: Rule) -> None:
        self.arguments, self.runs, self.rule = arguments, runs, rule
        self.cells = Cells(arguments.out.with_suffix(".json"))
        self.costs: dict[str, dict[str, float]] = {}

    def keep(self, run: Run) -> None:
        """Add a finished run."""
        self.cells.add(run)
        self.write()

    def write(self) -> None:
        """Write the results so far: page and JSON, and the figure once rows can be compared."""
        out, found = self.arguments.out, self.result()
        out.parent.mkdir(parents=True, exist_ok=True)
        if differences := judged(found):
            found["figure"] = f"{out.stem}.png"
            figure = draw_differences(differences, self.rule.title, self.rule.margin)
            figure.savefig(out.with_suffix(".png"), dpi=150)
        write_file(out, markdown(found).encode())
        found["differences"] = [asdict(one) for one in differences]
        found["rule"] = asdict(self.rule)
        text = json.dumps(found, indent=1, default=str)
        write_file(out.with_suffix(".json"), f"{text}\n".encode())

    def result(self) -> dict[str, Any]:
        """Return the content of the page, with the rows that have all seeds."""
        rows = {"teacher": [*self.runs.teachers.values()], **self.runs.methods}
        complete = {n: same for n, same in rows.items() if all(run in self.cells for run in same)}
        outcomes = {
            name: [asdict(self.cells.outcome(run)) for run in same]
            for name, same in complete.items()
        }
        first = self.runs.methods[ALONE][0]
        config = first.read_config()
        loaders = dict(train=config.train_dataloader, test=config.val_dataloader)
        data = {
            part: {k: v for k, v in loader.dataset.items() if k != "pipeline"}
            for part, loader in loaders.items()
        }
        recipe = ("optim_wrapper", "param_scheduler", "train_cfg")
        return dict(
            title=self.arguments.title,
            note=self.arguments.note,
            rule=self.rule,
            planned=[*self.runs.methods],
            seeds=self.arguments.seeds,
            jobs=self.arguments.jobs,
            recipe={key: config.get(key) for key in recipe},
            data=dict(**data, batch_size=config.train_dataloader.batch_size),
            configs={name: row_name(same[0]) for name, same in complete.items()},
            own_settings={name: own_settings(same[0]) for name, same in complete.items()},
            tuned=tuned_rows(self.arguments, self.runs.methods),
            costs=self.costs if self.costs.keys() == complete.keys() else {},
            outcomes=outcomes,
            cells=self.cells.of(run for same in rows.values() for run in same),
            **provenance(ROOT),
        )


def row_name(run: Run) -> str:
    """Return a row's config and its own settings, as the page shows them."""
    own = [
        f"{key}={value}"
        for key, value in run.options.items()
        if key.startswith("model.") and not key.endswith((".checkpoint", ".path"))
    ]
    return " ".join([run.config, *own])
