"""Finished runs of a comparison, in its JSON file."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from mmkd.benchmark.cells import Cells
from mmkd.benchmark.runs import MARKER, Run


def finished(folder: Path, name: str, **options: object) -> Run:
    """A run whose folder looks as if it had been trained."""
    (folder / "config.py").write_text("train_cfg = dict(max_epochs=1)\n")
    run = Run(name, str(folder / "config.py"), folder / name, dict(options))
    log = run.work_dir / "20260101_000000/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    lines = [dict(loss=1.0, time=0.1, step=1), {"accuracy/top1": 70.0, "step": 1}]
    log.write_text("\n".join(map(json.dumps, lines)))
    marker = dict(fingerprint=run.fingerprint(), commit="abc", seconds=60.0)
    (run.work_dir / MARKER).write_text(json.dumps(marker))
    (run.work_dir / "run.json").write_text(json.dumps(dict(machine="a CPU", versions={})))
    return run


def test_a_cell_outlives_its_folder_and_not_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    cells, run = Cells(path), finished(tmp_path, "a", lr=1)
    assert run not in cells
    cells.add(run)
    other = finished(tmp_path, "b", lr=2)
    [cell] = cells.of([run, other])
    assert cell["record"]["machine"] == "a CPU"
    path.write_text(json.dumps(dict(cells=[cell])))
    shutil.rmtree(run.work_dir)
    read = Cells(path)
    assert read.outcome(run) == cells.outcome(run)
    assert asdict(read.outcome(run))["metrics"] == {"accuracy/top1": [70.0]}
    assert other not in read
    assert Run("a", run.config, run.work_dir, {"lr": 3}) not in read
