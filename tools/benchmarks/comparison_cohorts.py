"""Runs of a comparison that are trained together, and why."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import mmkd  # noqa: F401  (before everything else: makes the stack importable)

# isort: split
from mmkd.benchmark.cohorts import MOST, grouped, member_name, train_together
from mmkd.benchmark.room import Room, free_bytes
from mmkd.benchmark.runs import Run
from mmkd.benchmark.training import Report, Start
from mmkd.engine.cohort_config import cohort_config

# isort: split
from comparison_checks import TRAIN, build, without_files
from comparison_rows import Plan


@dataclass(frozen=True)
class Cohorts:
    """Choice of the runs that are trained together.

    Attributes:
        most: Greatest number of members of a cohort.
        room: Memory for the members, or ``None`` if the user has chosen their number.
        refused: Why some runs cannot be members, by their work folders.
    """

    most: int
    room: Room | None
    refused: Mapping[Path, str]

    def train(self, runs: Sequence[Run], jobs: int, report: Report, start: Start) -> None:
        """Train the unfinished ones among some runs that can be trained together."""
        runs = [run for run in runs if run.work_dir not in self.refused]
        train_together(runs, TRAIN, jobs, report, self.most, start, self.fits)

    def fits(self, runs: Sequence[Run]) -> bool:
        """Return whether the students of some runs fit into the memory."""
        return self.room is None or self.room.holds(runs)

    def lines(self, plan: Plan) -> Iterator[str]:
        """Yield a line about each cohort of a seed, and about the runs that are in none."""
        runs = taught(plan)
        may = [run for run in runs if run.work_dir not in self.refused]
        groups = [[*group.values()] for group in grouped(may, self.most, self.fits)]
        for group in [group for group in groups if len(group) > 1]:
            size = "" if self.room is None else f" ({self._words(group, self.room)})"
            yield f"Together, with one pass of the teacher: {_rows(group)}{size}"
        alone = [run for group in groups if len(group) == 1 for run in group]
        if alone and self.most == 1:
            yield f"Each by itself, as --cohort or the number of jobs says: {_rows(alone)}"
        elif alone:
            whole = grouped(may, self.most)
            lacking = any(len(group) > 1 and alone[0] in group.values() for group in whole)
            why = "for lack of memory" if lacking else "no other run has its teacher and data"
            yield f"Each by itself, {why}: {_rows(alone)}"
        for run in runs:
            if run.work_dir in self.refused:
                yield f"By itself: {_row(run)}. {self.refused[run.work_dir]}"

    @staticmethod
    def _words(group: Sequence[Run], room: Room) -> str:
        needed, further = room.needed(group) / 1e6, room.further / 1e6
        return f"{needed:,.0f} MB more than one of them, of {further:,.0f} MB for that"


def choose(arguments: Namespace, runs: Plan, sizes: Mapping[Path, int], sharing: int) -> Cohorts:
    """Choose which runs are trained together.

    By default a cohort has as many members as fit into this machine's free memory, see
    :class:`mmkd.benchmark.room.Room`, at most ``MOST``, and so few that each job gets a cohort.

    Args:
        arguments: Arguments of the command; ``jobs`` are the runs at a time.
        runs: All runs.
        sizes: Bytes of each run's model without teachers, by the run's work folder.
        sharing: Number of runs at a time that share the memory.
    """
    most, room, seed = arguments.cohort, None, taught(runs)
    if most is None:
        most = min(MOST, ceil(len(seed) * len(arguments.seeds) / arguments.jobs))
        room = Room(free_bytes() // sharing, sizes)
    refused = dict[Path, str]()
    for group in grouped(seed, most) if most > 1 else []:
        refused |= refusals([*group.values()])
    for same in runs.methods.values():
        if same[0].work_dir in refused:
            words = refused[same[0].work_dir]
            refused |= dict.fromkeys([run.work_dir for run in same], words)
    return Cohorts(most, room, refused)


def taught(runs: Plan) -> list[Run]:
    """Return the runs of the first seed that have a teacher."""
    return [same[0] for same in runs.methods.values() if same[0].inputs]


def refusals(runs: Sequence[Run]) -> dict[Path, str]:
    """Return why some of the runs cannot be members of one cohort, by their work folders."""
    words = refusal(runs) if len(runs) > 1 else None
    if words is None:
        return {}
    found = {run.work_dir: own for run in runs if (own := refusal([run]))}
    found = found or {run.work_dir: words for run in runs}
    return found | refusals([run for run in runs if run.work_dir not in found])


def refusal(runs: Sequence[Run]) -> str | None:
    """Return the message by which a cohort of these runs is refused, or ``None``."""
    configs = {member_name(run): run.read_config() for run in runs}
    config = cohort_config(configs)
    without_files(config)
    try:
        build(config)
    except ValueError as error:
        return str(error)
    return None


def _row(run: Run) -> str:
    return run.name.rpartition(",")[0]


def _rows(runs: Sequence[Run]) -> str:
    return ", ".join(map(_row, runs))
