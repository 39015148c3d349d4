"""Finished cells of a comparison: the outcomes of its runs, kept in its JSON file."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmkd.benchmark.runs import Outcome, Run, read_outcome

RECORD = "run.json"  # what mmkd.RunRecordHook writes into a work folder
RECORDED = ("machine", "hashes", "started", "ended")


class Cells:
    """Outcomes of runs by the runs' identities.

    A cell of the file counts as finished even if its work folder is gone, so that a table can grow
    on another machine. A cell whose settings have changed is dropped when the file is written.

    Args:
        path: The JSON file of the comparison, which may exist.
    """

    def __init__(self, path: Path) -> None:
        there = json.loads(path.read_text()) if path.exists() else {}
        self._cells = {cell["identity"]: cell for cell in there.get("cells", [])}

    def __contains__(self, run: Run) -> bool:
        return run.identity() in self._cells

    def add(self, run: Run) -> None:
        """Keep the outcome of a finished run, with its record."""
        path = run.work_dir / RECORD
        record = json.loads(path.read_text()) if path.exists() else {}
        identity = run.identity()
        self._cells[identity] = dict(
            name=run.name,
            identity=identity,
            outcome=asdict(read_outcome(run)),
            record={key: record.get(key) for key in RECORDED},
        )

    def outcome(self, run: Run) -> Outcome:
        """Return the outcome of a run that is in the table."""
        return Outcome(**self._cells[run.identity()]["outcome"])

    def of(self, runs: Iterable[Run]) -> list[dict[str, Any]]:
        """Return the cells of those runs that have finished, for the file."""
        return [self._cells[run.identity()] for run in runs if run in self]
