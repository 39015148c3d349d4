"""Training of several runs at a time, as processes on this machine or on others."""

import importlib
import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from mmkd.benchmark.runs import LOG, MARKER, Run, RunFailedError, read_scalars
from mmkd.compat.files import write_file
from mmkd.compat.machine import commit

PROGRESS = {"accuracy/top1": "accuracy {:.1f} %", "coco/bbox_mAP": "AP {:.3f}"}
Report = Callable[[str], None]


class Job(Protocol):
    """Running command, with the interface of :class:`subprocess.Popen`."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def wait(self) -> int:
        """Wait for its end and return its exit code."""


Start = Callable[[list[str], Path], Job]
"""Starts a command whose output goes to a file."""


def start_here(command: list[str], log: Path) -> Job:
    """Start a command on this machine."""
    with open(log, "w") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)


class _Process:
    """Process of a running training."""

    def __init__(self, run: Run, train: Path, parts: int, start: Start) -> None:
        self.run = run
        self.unit, self.length = run.length
        self.parts = parts
        self.reported = 0
        self.started = time.time()
        self.commit = commit(train.parent)
        run.work_dir.mkdir(parents=True, exist_ok=True)
        (run.work_dir / MARKER).unlink(missing_ok=True)
        self.job = start(run.command(train), run.work_dir / LOG)

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
        code = self.job.poll()
        if code is None:
            return False
        log = self.run.work_dir / LOG
        if code:
            end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise RunFailedError(self.run, f"failed; the end of {log}:\n{end}")
        self.seconds = time.time() - self.started
        marker = dict(fingerprint=self.run.fingerprint(), commit=self.commit, seconds=self.seconds)
        write_file(self.run.work_dir / MARKER, json.dumps(marker).encode())
        return True

    def stop(self) -> None:
        if self.job.poll() is None:
            self.job.terminate()
            self.job.wait()


def train_all(
    runs: Iterable[Run],
    train: Path,
    jobs: int = 1,
    report: Report = print,
    parts: int = 3,
    keep: Callable[[Run], None] | None = None,
    start: Start = start_here,
    failed: Callable[[RunFailedError], None] | None = None,
) -> None:
    """Train the unfinished runs by a script, several at a time.

    Args:
        runs: The runs.
        train: Path of tools/train.py.
        jobs: Number of processes that run at the same time.
        report: Function that receives lines about the progress, with the remaining time.
        parts: Number of lines of progress for each run.
        keep: Function that is called with each run when it has finished.
        start: Function that starts a run's command.
        failed: Function that is called when a run fails; the other runs continue unless it raises
            an error. By default it raises.

    Raises:
        RunFailedError: If a run fails and ``failed`` raises; the others are stopped.
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
                    active.append(_Process(run, train, parts, start))
            time.sleep(0.3)
            ended, active = _follow(active, report, failed or _stop)
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


def _follow(
    active: Sequence[_Process], report: Report, failed: Callable[[RunFailedError], None]
) -> tuple[list[_Process], list[_Process]]:
    """Report on the processes, and return those that have ended well and those still running."""
    ended: list[_Process] = []
    running: list[_Process] = []
    for process in active:
        try:
            (ended if process.ended() else running).append(process)
        except RunFailedError as error:
            failed(error)
            continue
        if line := process.progress():
            report(line)
    return ended, running


def _stop(error: RunFailedError) -> None:
    raise error
