"""Training of a comparison's runs as cohorts, with the same results as separate runs."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmkd.benchmark.runs import MARKER, Run, read_scalars
from mmkd.benchmark.training import Report, Start, start_here, train_all
from mmkd.compat.files import write_file
from mmkd.engine.cohort_config import cohort_config
from mmkd.engine.launch import ArgumentError

RECORD = "run.json"
MOST = 16
Fits = Callable[[Sequence[Run]], bool]
"""Tells whether the students of some runs may be one cohort."""


def _always(runs: Sequence[Run]) -> bool:
    return True


@dataclass(frozen=True)
class CohortRun:
    """A cohort's run, and the separate runs that its members replace.

    Attributes:
        run: The run of the cohort.
        members: The run of each member by its name in the cohort.
    """

    run: Run
    members: dict[str, Run]


def train_together(
    runs: Sequence[Run],
    train: Path,
    jobs: int = 1,
    report: Report = print,
    most: int = MOST,
    start: Start = start_here,
    fits: Fits = _always,
) -> None:
    """Train the unfinished runs as cohorts, and write each run's results to its folder.

    Runs with the same seed, teachers and data become one cohort, so that each sees the data in the
    same order as by itself. A run that cannot join another is not trained here. Each run's folder
    gets the run's log, with its share of the cohort's times, its student's last weights, and the
    cohort's record. The run of a member that was put aside gets no results, and stays unfinished.

    Args:
        runs: The runs.
        train: Path of tools/train.py.
        jobs: Number of processes that run at the same time.
        report: Function that receives lines about the progress.
        most: Greatest number of members of a cohort.
        start: Function that starts a cohort's command.
        fits: Function that returns whether the given runs may be one cohort.

    Raises:
        RunFailedError: If a cohort's run fails; the others are stopped.
    """
    waiting = [*cohort_runs([run for run in runs if not run.finished], most, fits)]
    # The largest cohorts first: if a long run began last, the other processes would be idle.
    waiting.sort(key=lambda cohort: len(cohort.members), reverse=True)
    of_run = {each.run.work_dir: each for each in waiting}

    def deal(run: Run) -> None:
        cohort = of_run[run.work_dir]
        for name in [name for name in cohort.members if not _deal(cohort, name)]:
            report(f"{cohort.members[name].name}: put aside in {run.work_dir}")

    train_all([each.run for each in waiting], train, jobs, report, keep=deal, start=start)


def cohort_runs(runs: Sequence[Run], most: int, fits: Fits = _always) -> Iterator[CohortRun]:
    """Yield cohorts of the runs that can be trained together, of two to ``most`` members."""
    for group in grouped(runs, most, fits):
        if len(group) > 1:
            yield _cohort_run(group)


def grouped(runs: Sequence[Run], most: int, fits: Fits = _always) -> list[dict[str, Run]]:
    """Return the groups of runs that can be trained together, by their names in a cohort."""
    groups: list[dict[str, Run]] = []
    configs: dict[Path, Config] = {run.work_dir: run.read_config() for run in runs}
    for run in runs:
        name = member_name(run)
        for group in groups:
            joined = {**group, name: run}
            if name in group or len(joined) > most or not fits([*joined.values()]):
                continue
            if _fit({name: configs[one.work_dir] for name, one in joined.items()}):
                group[name] = run
                break
        else:
            groups.append({name: run})
    return groups


def member_name(run: Run) -> str:
    """Return the name that a run has in a cohort."""
    return re.sub(r"[^\w-]", "_", run.work_dir.name).replace("loss", "los")


def _fit(configs: dict[str, Config]) -> bool:
    seeds = {(config.get("randomness") or {}).get("seed") for config in configs.values()}
    try:
        cohort_config(configs)
    except ArgumentError:
        return False
    return len(seeds) == 1


def _cohort_run(group: dict[str, Run]) -> CohortRun:
    first = next(iter(group.values()))
    content = "".join(run.fingerprint() for run in group.values())
    title = f"cohort_{hashlib.sha256(content.encode()).hexdigest()[:10]}"
    parent = first.work_dir.parent
    parent.mkdir(parents=True, exist_ok=True)
    path = parent / f"{title}.py"
    cohort_config({name: run.read_config() for name, run in group.items()}).dump(str(path))
    inputs = tuple(dict.fromkeys(file for run in group.values() for file in run.inputs))
    name = f"cohort of {', '.join(run.name for run in group.values())}"
    return CohortRun(Run(name, str(path), parent / title, inputs=inputs), group)


def _deal(cohort: CohortRun, name: str) -> bool:
    """Write the results of a member into the folder of its run, unless it was put aside."""
    run, whole, share = cohort.members[name], cohort.run.work_dir, 1 / len(cohort.members)
    training, evaluation = read_scalars(whole)
    if not training or f"{name}/loss" not in training[-1]:
        return False
    log = run.work_dir / "cohort" / "vis_data" / "scalars.json"
    shutil.rmtree(log.parent, ignore_errors=True)
    records = [_own(record, name, [*cohort.members], share) for record in [*training, *evaluation]]
    write_file(log, "".join(f"{json.dumps(record)}\n" for record in records).encode())
    run.read_config().dump(str(run.work_dir / f"{Path(run.config.rpartition('::')[2]).stem}.py"))
    shutil.copy(whole / RECORD, run.work_dir / RECORD)
    ending = f"_{name}_student.pth"
    for path in whole.glob(f"*{ending}"):
        shutil.copy(path, run.work_dir / f"{path.name.removesuffix(ending)}_student.pth")
    marker = json.loads((whole / MARKER).read_text())
    marker |= dict(fingerprint=run.fingerprint(), seconds=marker["seconds"] * share)
    write_file(run.work_dir / MARKER, json.dumps(marker).encode())
    return True


def _own(record: dict[str, Any], name: str, names: Sequence[str], share: float) -> dict[str, Any]:
    """Return a cohort's log record as a run of the member alone would have written it."""
    own = {}
    for key, value in record.items():
        member, found, metric = key.partition("/")
        if member == name and found:
            own[metric] = value
        elif member not in names and key != "loss":
            own[key] = value * share if key in ("time", "data_time") else value
    return own
