"""Searches by Optuna, with a stand-in for tools/train.py."""

import json
import sys
from pathlib import Path

import pytest

from mmkd.benchmark.runs import RunFailedError
from mmkd.benchmark.search import Goal, Search, import_optuna
from mmkd.benchmark.search_space import Range

TRAIN = """
import json, sys
from pathlib import Path
from runpy import run_path

config, _, folder = sys.argv[1:4]
x = run_path(config)["x"]
if x > 3:
    sys.exit("x is too great")
log = Path(folder) / "20260101_000000/vis_data/scalars.json"
log.parent.mkdir(parents=True, exist_ok=True)
lines = [dict(loss=1.0, time=0.1, step=1), {"accuracy/top1": 90 - (x - 2) ** 2, "step": 1}]
log.write_text("\\n".join(map(json.dumps, lines)))
"""
GOAL = Goal({"x": Range("uniform", (0.0, 3.0))}, "accuracy/top1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("optuna", reason="optuna is one of requirements/cluster.txt")
    (tmp_path / "config.py").write_text("train_cfg = dict(max_epochs=1)\nx = 1.0\n")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "runs").mkdir()
    return tmp_path


def search(folder: Path, goal: Goal = GOAL, work_dir: str = "runs") -> Search:
    (folder / work_dir).mkdir(exist_ok=True)
    return Search(folder / "config.py", goal, folder / work_dir)


def test_finished_trials_are_kept_and_proposals_do_not_depend_on_the_interruption(
    folder: Path,
) -> None:
    train, lines = folder / "train.py", list[str]()
    first = search(folder).run(2, train, report=lines.append)
    assert first["trials"] == 2
    # An interrupted call leaves a trial without a result.
    again = search(folder)
    [pending] = again._batch(3, 1).values()
    more = search(folder).run(4, train, report=lines.append)
    assert sum("accuracy/top1" in line and "trial 0" in line for line in lines) == 1
    assert sum(f"x={pending['x']}" in line for line in lines) == 1
    assert more["trials"] == 4
    assert json.loads((folder / "runs/best.json").read_text()) == more
    whole = search(folder, work_dir="whole").run(4, train, report=lambda line: None)
    assert whole["settings"] == more["settings"]
    assert whole["value"] == pytest.approx(90 - (whole["settings"]["x"] - 2) ** 2)
    assert whole["cfg_options"] == f"x={whole['settings']['x']}"


def test_a_failed_trial_does_not_end_the_search_but_only_failures_do(folder: Path) -> None:
    train, lines = folder / "train.py", list[str]()
    goal = Goal({"x": Range("choice", (2, 4))}, "accuracy/top1", seed=1)
    found = search(folder, goal).run(4, train, jobs=2, report=lines.append)
    assert found["settings"] == {"x": 2}
    assert found["failed"] >= 1
    assert found["failed"] + found["trials"] == 4
    assert any("x is too great" in line for line in lines)
    hopeless = Goal({"x": Range("uniform", (4.0, 5.0))}, "accuracy/top1")
    with pytest.raises(RunFailedError, match="x is too great"):
        search(folder, hopeless, "bad").run(9, train, report=lines.append)
    assert len([*(folder / "bad").glob("trial_*")]) == 3


def test_another_search_or_metric_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="log no 'loss_x' to search by: name one of accuracy/top1"):
        search(folder, Goal(GOAL.space, "loss_x")).run(1, folder / "train.py")
    with pytest.raises(ValueError, match="holds a search with another metric"):
        search(folder)
    search(folder, work_dir="other")
    (folder / "config.py").write_text("train_cfg = dict(max_epochs=2)\nx = 1.0\n")
    with pytest.raises(ValueError, match="holds a search with another config"):
        search(folder, work_dir="other")


def test_a_missing_optuna_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'mmkd\[cluster\]'"):
        import_optuna()
