"""Following training processes, with a stand-in for tools/train.py."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from mmkd.benchmark.runs import Run, RunFailedError, read_outcome, read_scalars
from mmkd.benchmark.training import train_all

TRAIN = """
import json, sys
from pathlib import Path

config, _, folder = sys.argv[1:4]
if "fail = 1" in Path(config).read_text():
    sys.exit("the reason")
log = Path(folder) / "20260101_000000/vis_data/scalars.json"
log.parent.mkdir(parents=True, exist_ok=True)
lines = []
for epoch in (1, 2, 3):
    lines.append(dict(loss=1.0, time=0.1 * epoch, epoch=epoch, step=epoch))
    lines.append({"accuracy/top1": 10.0 * epoch, "time": 9, "data_time": 9, "step": epoch})
log.write_text("\\n".join(map(json.dumps, lines)) + '\\n{"unfinished')
calls = Path(folder) / "calls"
calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
"""


@pytest.fixture
def train(tmp_path: Path) -> Path:
    (tmp_path / "config.py").write_text("train_cfg = dict(max_epochs=3)\n")
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path / "train.py"


def run(train: Path, name: str = "a", **more: object) -> Run:
    folder = train.parent
    return Run(name, str(folder / "config.py"), folder / name, **more)  # type: ignore[arg-type]


def test_trains_all_and_reads_what_they_logged(train: Path) -> None:
    lines: list[str] = []
    runs = [run(train, name) for name in "abc"]
    train_all(runs, train, jobs=2, report=lines.append)
    for one in runs:
        outcome = read_outcome(one)
        assert outcome.epochs == [1, 2, 3]
        assert outcome.metrics == {"accuracy/top1": [10.0, 20.0, 30.0]}
        assert outcome.iteration == pytest.approx(0.2)
    progress = [line for line in lines if "left" not in line]
    assert sorted(progress) == [f"{name}: epoch 3 of 3, accuracy 30.0 %" for name in "abc"]
    # Those that end at the same time are counted together.
    assert {"1 runs are left, about 0 minutes", "2 runs are left, about 0 minutes"} & {*lines}


def test_a_schedule_of_iterations_has_its_own_checkpoint(train: Path) -> None:
    (train.parent / "config.py").write_text("train_cfg = dict(max_iters=3)\n")
    lines: list[str] = []
    one = run(train)
    assert one.last_checkpoint == one.work_dir / "iter_3.pth"
    train_all([one], train, report=lines.append)
    assert lines == ["a: iter 3 of 3, accuracy 30.0 %"]
    (train.parent / "config.py").write_text("train_cfg = dict()\n")
    with pytest.raises(ValueError, match="neither max_epochs nor max_iters"):
        run(train).last_checkpoint  # noqa: B018


def test_a_config_is_read_once_and_given_out_anew(train: Path) -> None:
    """A comparison asks for it hundreds of times, and its checks change what they get."""
    one = run(train)
    one.read_config().train_cfg.max_epochs = 9
    (train.parent / "config.py").unlink()
    assert one.length == ("epoch", 3)


def test_folders_may_have_spaces_and_commas(train: Path) -> None:
    """MMEngine's ``--cfg-options`` would take such a path apart."""
    teacher = str(train.parent / "t u/v,w.pth")
    one = Run("a", str(train.parent / "config.py"), train.parent / "a b/c,d", dict(teacher=teacher))
    train_all([one], train, report=lambda line: None)
    assert one.finished
    assert Config.fromfile(str(one.work_dir / "config.py")).teacher == teacher


def test_an_identity_is_that_of_the_settings_in_any_folder(train: Path) -> None:
    def child(folder: str, **options: object) -> Run:
        parent = Run("t", str(train.parent / "config.py"), train.parent / folder / "teacher")
        path = parent.work_dir / "epoch_3.pth"
        given = {"checkpoint": str(path), **options}
        return Run("c", parent.config, train.parent / folder / "c", given, (path,), (parent,))

    assert child("here").identity() == child("there").identity()
    assert child("here").identity() != child("here", lr=2).identity()
    before = child("here").identity()
    [parent] = child("here").parents
    changed = Run(parent.name, parent.config, parent.work_dir, {"lr": 3})
    one = child("here")
    assert (
        Run("c", one.config, one.work_dir, one.options, one.inputs, (changed,)).identity() != before
    )


def calls(one: Run) -> int:
    return len((one.work_dir / "calls").read_text())


def test_finished_runs_are_not_repeated_unless_something_changed(train: Path) -> None:
    teacher = train.parent / "teacher.pth"
    teacher.write_text("weights")
    one = run(train, inputs=(teacher,))
    for expected in (1, 1):
        train_all([one], train, report=lambda line: None)
        assert calls(one) == expected
    other = run(train, inputs=(teacher,), options={"lr": 2})
    assert not other.finished
    teacher.write_text("other weights")
    assert not one.finished
    train_all([one], train, report=lambda line: None)
    assert calls(one) == 2


def test_a_failed_run_ends_all_with_its_words(train: Path) -> None:
    bad = run(train, "bad", options={"fail": 1})
    with pytest.raises(RunFailedError, match="the reason"):
        train_all([bad, run(train)], train, report=lambda line: None)
    assert not bad.finished


def test_a_log_of_an_earlier_attempt_is_not_progress(train: Path) -> None:
    train_all([run(train)], train, report=lambda line: None)
    assert read_scalars(train.parent / "a", since=2e9) == ([], [])


def test_a_run_without_evaluation_is_named(train: Path) -> None:
    one = run(train)
    train_all([one], train, report=lambda line: None)
    [log] = one.work_dir.glob("*/vis_data/scalars.json")
    log.write_text(json.dumps(dict(loss=1.0, time=1.0)))
    with pytest.raises(RunFailedError, match="a logged nothing"):
        read_outcome(one)


def test_overrides_with_spaces_and_commas_reach_the_run_as_they_are(train: Path) -> None:
    """MMEngine takes both out of the values of --cfg-options."""
    odd = {"model.teacher.checkpoint": "a b/c,d/epoch_2.pth"}
    one = Run("odd", str(train.parent / "config.py"), train.parent / "a b" / "c,d", options=odd)
    train_all([one], train, report=lambda line: None)
    written = Config.fromfile(one.work_dir / "config.py")
    assert written.model.teacher.checkpoint == "a b/c,d/epoch_2.pth"
    assert one.finished
