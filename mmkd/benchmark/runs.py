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
    """

    name: str
    config: str
    work_dir: Path
    options: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()

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
        self.epochs = run.read_config().train_cfg.get("max_epochs")
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
        if not evaluation or not self.epochs:
            return None
        epoch, part = evaluation[-1]["step"], evaluation[-1]["step"] * self.parts // self.epochs
        if part == self.reported:
            return None
        self.reported = part
        shown = [
            f", {text.format(evaluation[-1][metric])}"
            for metric, text in PROGRESS.items()
            if metric in evaluation[-1]
        ]
        return f"{self.run.name}: epoch {epoch} of {self.epochs}{''.join(shown)}"

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
        marker = dict(
            fingerprint=self.run.fingerprint(),
            commit=self.commit,
            seconds=time.time() - self.started,
        )
        (self.run.work_dir / MARKER).write_text(json.dumps(marker))
        return True

    def stop(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            self.process.wait()


def train_all(
    runs: Iterable[Run], train: Path, jobs: int = 1, report: Report = print, parts: int = 3
) -> None:
    """Train the unfinished ones among some runs by a script, several at a time.

    Args:
        runs: The runs.
        train: Path of tools/train.py.
        jobs: Number of processes that run at the same time.
        report: Function that receives lines about the progress.
        parts: Number of lines of progress for each run.

    Raises:
        RunFailedError: If a run fails; the others are stopped.
    """
    # MMEngine formats configs with yapf, which writes its grammar to a cache on its first import:
    # processes that start together must see the cache already complete.
    importlib.import_module("yapf")
    waiting, active = list(runs), list[_Process]()
    try:
        while waiting or active:
            while waiting and len(active) < jobs:
                run = waiting.pop(0)
                if run.finished:
                    report(f"{run.name}: finished before")
                else:
                    active.append(_Process(run, train, parts))
            time.sleep(0.3)
            active = _follow(active, report)
    finally:
        for process in active:
            process.stop()


def _follow(active: Sequence[_Process], report: Report) -> list[_Process]:
    """Report on the processes, and return those that are still running."""
    going_on = []
    for process in active:
        if not process.ended():
            going_on.append(process)
        if line := process.progress():
            report(line)
    return going_on
