"""Training runs as separate processes, several at a time, and their logs."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from mmengine.config import Config

from mmkd.compat.machine import commit

MARKER = "finished.json"
LOG = "train.log"
PROGRESS = {"accuracy/top1": "accuracy {:.1f} %", "coco/bbox_mAP": "AP {:.3f}"}
Report = Callable[[str], None]


class RunFailedError(RuntimeError):
    """Error for a training process that ended with an error."""


@dataclass(frozen=True)
class Run:
    """Training run: a config, its overrides, and its work folder.

    Attributes:
        name: Name of the run in messages.
        config: Path or name of the config.
        work_dir: Folder of this run alone.
        options: Overrides, in the form that ``--cfg-options`` takes.
        inputs: Files of other runs that this one reads, such as the teacher's checkpoint.
        parents: The runs that write these files.
    """

    name: str
    config: str
    work_dir: Path
    options: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    parents: tuple["Run", ...] = ()

    def read_config(self) -> Config:
        """Return the config with the overrides."""
        config = Config.fromfile(self.config)
        config.merge_from_dict(dict(self.options))
        return config

    def fingerprint(self) -> str:
        """Return a hash of everything that decides the run's result, except code and machine."""
        settings = json.dumps(self.read_config().to_dict(), sort_keys=True, default=str)
        digest = hashlib.sha256(settings.encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def identity(self) -> str:
        """Return a hash of the settings of this run and of its parents.

        Unlike the fingerprint it is the same in other folders, and if parents are trained again.
        """
        local = {str(path): f"{path.parent.name}/{path.name}" for path in self.inputs}
        local |= {str(path.parent): path.parent.name for path in self.inputs}
        options = {key: local.get(str(value), value) for key, value in self.options.items()}
        config = Config.fromfile(self.config)
        config.merge_from_dict(options)
        settings = json.dumps(config.to_dict(), sort_keys=True, default=str)
        parts = [settings, *(parent.identity() for parent in self.parents)]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def length(self) -> tuple[str, int]:
        """Unit of the schedule, ``'epoch'`` or ``'iter'``, and their number.

        Raises:
            ValueError: If the config names neither ``max_epochs`` nor ``max_iters``.
        """
        loop = self.read_config().get("train_cfg") or {}
        for unit in ("epoch", "iter"):
            if number := loop.get(f"max_{unit}s"):
                return unit, int(number)
        raise ValueError(f"{self.name}: train_cfg names neither max_epochs nor max_iters.")

    @property
    def last_checkpoint(self) -> Path:
        """File of the weights at the end of the schedule."""
        unit, number = self.length
        return self.work_dir / f"{unit}_{number}.pth"

    @property
    def finished(self) -> bool:
        """Whether the folder holds the result of this run, with these settings."""
        marker = self.work_dir / MARKER
        if not marker.exists():
            return False
        return bool(json.loads(marker.read_text())["fingerprint"] == self.fingerprint())

    def command(self, train: Path) -> list[str]:
        """Write the config with the overrides, and return the command line that trains it.

        Overrides go into this file because ``--cfg-options`` would remove white space and commas
        from them.
        """
        config = self.work_dir / f"{Path(self.config.rpartition('::')[2]).stem}.py"
        self.work_dir.mkdir(parents=True, exist_ok=True)
        self.read_config().dump(str(config))
        # Files of an earlier attempt are no result; without this the run would not be trained
        # again.
        folder = ["--work-dir", str(self.work_dir), "--overwrite"]
        return [sys.executable, str(train), str(config), *folder]


@dataclass
class Outcome:
    """Log of a finished run.

    Attributes:
        epochs: The epochs that an evaluation followed.
        metrics: Values of each metric after these epochs.
        iteration: Seconds per training iteration, the median of the logged values.
        seconds: Duration of the whole run, including start-up.
        commit: The commit of the code that trained the run.
    """

    epochs: list[int]
    metrics: dict[str, list[float]]
    iteration: float
    seconds: float
    commit: str


def read_scalars(
    work_dir: Path, since: float = 0
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the training and the evaluation records of the newest log in a work folder.

    A log last written before the time ``since`` belongs to an earlier attempt and is ignored.
    """
    logs = sorted(work_dir.glob("*/vis_data/scalars.json"))
    logs = [log for log in logs if log.stat().st_mtime >= since]
    training: list[dict[str, Any]] = []
    evaluation: list[dict[str, Any]] = []
    for line in logs[-1].read_text().splitlines() if logs else []:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # a line that is being written
            continue
        (training if "loss" in record else evaluation).append(record)
    return training, evaluation


def read_outcome(run: Run) -> Outcome:
    """Return the log of a finished run.

    Raises:
        RunFailedError: If the run logged no training or no evaluation.
    """
    training, evaluation = read_scalars(run.work_dir)
    if not training or not evaluation:
        raise RunFailedError(f"{run.name} logged nothing: see {run.work_dir / LOG}.")
    marker = json.loads((run.work_dir / MARKER).read_text())
    names = [name for name in evaluation[-1] if name not in ("step", "time", "data_time")]
    return Outcome(
        epochs=[record["step"] for record in evaluation],
        metrics={n: [record.get(n, float("nan")) for record in evaluation] for n in names},
        iteration=median(record["time"] for record in training),
        seconds=marker["seconds"],
        commit=marker["commit"],
    )


class _Process:
    """Process of a running training."""

    def __init__(self, run: Run, train: Path, parts: int) -> None:
        self.run = run
        self.unit, self.length = run.length
        self.parts = parts
        self.reported = 0
        self.started = time.time()
        self.commit = commit(train.parent)
        run.work_dir.mkdir(parents=True, exist_ok=True)
        (run.work_dir / MARKER).unlink(missing_ok=True)
        with open(run.work_dir / LOG, "w") as log:
            self.process = subprocess.Popen(
                run.command(train), stdout=log, stderr=subprocess.STDOUT
            )

    def progress(self) -> str | None:
        """Return a line about the newest evaluation, once in each part of the epochs."""
        _, evaluation = read_scalars(self.run.work_dir, self.started)
        if not evaluation:
            return None
        step, part = evaluation[-1]["step"], evaluation[-1]["step"] * self.parts // self.length
        if part == self.reported:
            return None
        self.reported = part
        shown = [
            f", {text.format(evaluation[-1][metric])}"
            for metric, text in PROGRESS.items()
            if metric in evaluation[-1]
        ]
        return f"{self.run.name}: {self.unit} {step} of {self.length}{''.join(shown)}"

    def ended(self) -> bool:
        """Return whether the process has ended, and if so mark the run as finished.

        Raises:
            RunFailedError: If the process ended with an error; the message has the end of its log.
        """
        process_id, status = os.waitpid(self.process.pid, os.WNOHANG)
        if process_id == 0:
            return False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        log = self.run.work_dir / LOG
        if self.process.returncode:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise RunFailedError(f"{self.run.name} failed; the end of {log}:\n{end}")
        self.seconds = time.time() - self.started
        marker = dict(fingerprint=self.run.fingerprint(), commit=self.commit, seconds=self.seconds)
        (self.run.work_dir / MARKER).write_text(json.dumps(marker))
        return True

    def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            self.process.wait()


def train_all(
    runs: Iterable[Run],
    train: Path,
    jobs: int = 1,
    report: Report = print,
    parts: int = 3,
    keep: Callable[[Run], None] | None = None,
) -> None:
    """Train the unfinished ones among some runs by a script, several at a time.

    Args:
        runs: The runs.
        train: Path of tools/train.py.
        jobs: Number of processes that run at the same time.
        report: Function that receives lines about the progress, with the time that is left.
        parts: Number of lines of progress for each run.
        keep: Function that is called with each run that has finished.

    Raises:
        RunFailedError: If a run fails; the others are stopped.
    """
    # MMEngine formats configs with yapf, which writes its grammar to a cache on its first import:
    # processes that start together must see the cache already complete.
    importlib.import_module("yapf")
    waiting, active, seconds = list(runs), list[_Process](), list[float]()
    try:
        while waiting or active:
            while waiting and len(active) < jobs:
                run = waiting.pop(0)
                if run.finished:
                    report(f"{run.name}: finished before")
                    if keep is not None:
                        keep(run)
                else:
                    active.append(_Process(run, train, parts))
            time.sleep(0.3)
            ended, active = _follow(active, report)
            for process in ended:
                seconds.append(process.seconds)
                if keep is not None:
                    keep(process.run)
                if left := len(waiting) + len(active):
                    rest = left * sum(seconds) / len(seconds) / jobs / 60
                    report(f"{left} runs are left, about {rest:.0f} minutes")
    finally:
        for process in active:
            process.stop()


def _follow(active: Sequence[_Process], report: Report) -> tuple[list[_Process], list[_Process]]:
    """Report on the processes, and return those that have ended and those still running."""
    ended: list[_Process] = []
    running: list[_Process] = []
    for process in active:
        (ended if process.ended() else running).append(process)
        if line := process.progress():
            report(line)
    return ended, running
