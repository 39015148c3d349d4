"""Training runs, their identities and their logs."""

import hashlib
import json
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from mmengine.config import Config

MARKER = "finished.json"
LOG = "train.log"


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

    @cached_property
    def _file(self) -> Config:
        """Config without the overrides: a comparison asks for those of its runs very often."""
        return Config.fromfile(self.config)

    def read_config(self) -> Config:
        """Return the config with the overrides; the file is read once."""
        return self._with(self.options)

    def _with(self, options: Mapping[str, Any]) -> Config:
        config = deepcopy(self._file)
        config.merge_from_dict(dict(options))
        return config

    def fingerprint(self) -> str:
        """Return a hash of everything that determines the run's result, except code and machine."""
        settings = json.dumps(self.read_config().to_dict(), sort_keys=True, default=str)
        digest = hashlib.sha256(settings.encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def identity(self) -> str:
        """Return a hash of the settings of this run and of its parents.

        Unlike the fingerprint it does not depend on folders, nor on the parents' output files.
        """
        local = {str(path): f"{path.parent.name}/{path.name}" for path in self.inputs}
        local |= {str(path.parent): path.parent.name for path in self.inputs}
        options = {key: local.get(str(value), value) for key, value in self.options.items()}
        settings = json.dumps(self._with(options).to_dict(), sort_keys=True, default=str)
        parts = [settings, *(parent.identity() for parent in self.parents)]
        return hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def length(self) -> tuple[str, int]:
        """Unit of the schedule, ``'epoch'`` or ``'iter'``, and the number of units.

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
        # Checkpoints of an earlier attempt are no result, and would prevent a new training.
        folder = ["--work-dir", str(self.work_dir), "--overwrite"]
        return [sys.executable, str(train), str(config), *folder]


class RunFailedError(RuntimeError):
    """Error for a run that ended with an error.

    Args:
        run: The run.
        words: Description of the failure.
    """

    def __init__(self, run: Run, words: str) -> None:
        super().__init__(f"{run.name} {words}")
        self.run = run


@dataclass
class Outcome:
    """Log of a finished run.

    Attributes:
        epochs: The epochs after which there was an evaluation.
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
        raise RunFailedError(run, f"logged nothing: see {run.work_dir / LOG}.")
    marker = json.loads((run.work_dir / MARKER).read_text())
    names = [name for name in evaluation[-1] if name not in ("step", "time", "data_time")]
    return Outcome(
        epochs=[record["step"] for record in evaluation],
        metrics={n: [record.get(n, float("nan")) for record in evaluation] for n in names},
        iteration=median(record["time"] for record in training),
        seconds=marker["seconds"],
        commit=marker["commit"],
    )
