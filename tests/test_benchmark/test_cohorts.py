"""Runs of a comparison as cohorts, and what each run gets of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmkd.benchmark.cohorts import cohort_runs, train_together
from mmkd.benchmark.runs import MARKER, Run, read_outcome

KD, ER = "mmkd::quickstart/kd_digits.py", "mmkd::quickstart/erkd_digits.py"


def runs(folder: Path) -> list[Run]:
    """KD and ER-KD with two seeds, and ER-KD with another teacher."""
    found = [
        Run(
            f"{name}, seed {seed}", config, folder / f"{name}_seed{seed}", {"randomness.seed": seed}
        )
        for seed in (0, 1)
        for name, config in (("kd", KD), ("hint+loss", ER))
    ]
    other = {"randomness.seed": 0, "model.teacher.checkpoint": "other.pth"}
    return [*found, Run("other, seed 0", ER, folder / "other_seed0", other)]


def test_a_cohort_has_one_seed_one_teacher_and_not_too_many_members(tmp_path: Path) -> None:
    groups = [[*each.members] for each in cohort_runs(runs(tmp_path), 16)]
    assert groups == [["kd_seed0", "hint_los_seed0"], ["kd_seed1", "hint_los_seed1"]]
    assert not [*cohort_runs(runs(tmp_path), 1)]
    first, _ = cohort_runs(runs(tmp_path), 16)
    assert first.run.read_config().randomness.seed == 0
    assert {*first.run.read_config().model.members} == {"kd_seed0", "hint_los_seed0"}


def test_each_run_gets_its_part_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(
        together: list[Run],
        train: Path,
        jobs: int,
        report: object,
        keep: Callable[[Run], None],
        start: object,
    ) -> None:
        for run in together:
            log = run.work_dir / "time/vis_data/scalars.json"
            log.parent.mkdir(parents=True)
            step = {"lr": 0.1, "time": 2.0, "loss": 3.0, "step": 1, "epoch": 1}
            lines = [
                step | {"kd_seed0/loss": 1.0, "hint_los_seed0/loss": 2.0},
                step | {"kd_seed0/loss": 0.5},
                {"kd_seed0/accuracy/top1": 70.0, "hint_los_seed0/accuracy/top1": 1.0, "step": 1},
            ]
            log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
            (run.work_dir / "run.json").write_text("{}")
            (run.work_dir / "epoch_1_kd_seed0_student.pth").write_bytes(b"weights")
            marker = dict(fingerprint=run.fingerprint(), seconds=10.0, commit="abc")
            (run.work_dir / MARKER).write_text(json.dumps(marker))
            keep(run)

    monkeypatch.setattr("mmkd.benchmark.cohorts.train_all", pretend)
    lines: list[str] = []
    kd, hint = runs(tmp_path)[:2]
    train_together([kd, hint], Path("train.py"), report=lines.append)
    assert kd.finished
    outcome = read_outcome(kd)
    assert outcome.metrics == {"accuracy/top1": [70.0]}
    assert (outcome.seconds, outcome.iteration, outcome.commit) == (5.0, 1.0, "abc")
    assert (kd.work_dir / "epoch_1_student.pth").read_bytes() == b"weights"
    log = [json.loads(line) for line in next(kd.work_dir.rglob("scalars.json")).open()]
    assert [line.get("loss") for line in log] == [1.0, 0.5, None]
    # The other was put aside: it has no loss in the end, and is no finished run.
    assert not hint.finished
    assert lines == [f"{hint.name}: put aside in {next(tmp_path.glob('cohort_*/'))}"]


def test_cohorts_wait_for_a_place_and_not_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are given at once, the largest first: none begins last and alone."""
    given: list[list[str]] = []
    monkeypatch.setattr(
        "mmkd.benchmark.cohorts.train_all",
        lambda together, *_, **__: given.append([run.name for run in together]),
    )
    small, large = runs(tmp_path)[:2], runs(tmp_path)[2:4]
    third = Run("third, seed 1", KD, tmp_path / "third_seed1", {"randomness.seed": 1})
    train_together([*small, *large, third], Path("train.py"), jobs=2)
    assert [len(name.split(", seed")) - 1 for name in given[0]] == [3, 2]
