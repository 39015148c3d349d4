"""Search for settings by Optuna: each trial is a training run, judged on validation data."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmkd.benchmark.cohorts import train_together
from mmkd.benchmark.runs import Run, RunFailedError, read_outcome
from mmkd.benchmark.search_space import Range
from mmkd.benchmark.training import Report, Start, start_here, train_all
from mmkd.compat.files import write_file

STUDY = "study.log"
BEST = "best.json"
PATIENCE = 3  # a search ends if this many trials fail before any has succeeded


@dataclass(frozen=True)
class Goal:
    """Settings that a search varies, and the metric that judges them.

    Attributes:
        space: The range of each searched setting, by its dotted key.
        metric: Key of the metric in the log; its value at the end of a run counts.
        greater: Whether greater values of the metric are better.
        seed: Seed of the sampler and of all runs.
    """

    space: dict[str, Range]
    metric: str
    greater: bool = True
    seed: int = 0


class Search:
    """Search that keeps its trials in its work folder, so that it can be continued later.

    Optuna's tree-structured Parzen estimator proposes the settings of a trial from the results of
    earlier trials. Its seed depends on the trial's number, so that a continued search proposes the
    same settings as an uninterrupted one.

    Args:
        config: Path of the config of all trials.
        goal: What is searched.
        work_dir: Folder of the trials and of the study.

    Raises:
        ImportError: If Optuna is not installed.
        ValueError: If the folder holds another search.
    """

    def __init__(self, config: Path, goal: Goal, work_dir: Path) -> None:
        self.config, self.goal, self.work_dir = config, goal, work_dir
        self._optuna = import_optuna()
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._states = self._optuna.trial.TrialState
        backend = self._optuna.storages.journal.JournalFileBackend(str(work_dir / STUDY))
        self._study = self._optuna.create_study(
            storage=self._optuna.storages.JournalStorage(backend),
            study_name="search",
            direction="maximize" if goal.greater else "minimize",
            load_if_exists=True,
        )
        self._check_same()

    def run(
        self,
        trials: int,
        train: Path,
        jobs: int = 1,
        cohort: int = 1,
        report: Report = print,
        start: Start = start_here,
    ) -> dict[str, Any]:
        """Train trials until there are ``trials`` of them, and return the best one.

        Trials of earlier calls count too. A trial fails if its run fails or its metric is NaN in
        the end; the other trials continue.

        Args:
            trials: Number of trials in all.
            train: Path of tools/train.py.
            jobs: Number of processes that run at the same time.
            cohort: Maximum number of trials in a cohort, which shares the teacher's forward.
            report: Function that receives lines about the progress.
            start: Function that starts a run's command.

        Returns:
            The content of ``best.json``, which is written after each round of trials.

        Raises:
            RunFailedError: If the first trials fail.
            ValueError: If no trial has ended with a number, or none has logged the metric.
        """
        while batch := self._batch(trials, jobs * cohort):
            runs = [self._run(number, settings) for number, settings in batch.items()]
            numbers = dict(zip((run.work_dir for run in runs), batch, strict=True))

            def keep(run: Run, numbers: dict[Path, int] = numbers) -> None:
                report(self._tell(numbers[run.work_dir], self._value(run)))

            def failed(error: RunFailedError, numbers: dict[Path, int] = numbers) -> None:
                report(f"{self._tell(numbers[error.run.work_dir], None)}: {error}")
                if self._hopeless():
                    raise error

            if cohort > 1:
                train_together(runs, train, jobs, report, cohort, start)
            train_all(runs, train, jobs, report, keep=keep, start=start, failed=failed)
            if self._count(self._states.COMPLETE):
                self._write()
        return self._write()

    def _batch(self, trials: int, size: int) -> dict[int, dict[str, Any]]:
        """Return the settings of the trials to train next, by their numbers.

        Unfinished trials of an interrupted call come first.
        """
        known = self._study.get_trials()
        for trial in known:
            if trial.state == self._states.RUNNING and not self._complete(trial):
                self._study.tell(trial.number, state=self._states.FAIL)
        unfinished = self._study.get_trials(states=[self._states.RUNNING])
        new = range(len(known), min(trials, len(known) + size))
        return {t.number: t.params for t in unfinished or map(self._ask, new)}

    def _complete(self, trial: Any) -> bool:
        """Return whether a trial has all settings; an interrupted call may have set only some."""
        return bool(trial.params.keys() == self.goal.space.keys())

    def _ask(self, number: int) -> Any:
        """Return a new trial, with the settings that the sampler proposes."""
        self._study.sampler = self._optuna.samplers.TPESampler(seed=self.goal.seed + number)
        space = {key: one.distribution(self._optuna) for key, one in self.goal.space.items()}
        return self._study.ask(space)

    def _run(self, number: int, settings: dict[str, Any]) -> Run:
        options = {**settings, "randomness.seed": self.goal.seed}
        folder = self.work_dir / f"trial_{number:03d}"
        return Run(f"trial {number}", str(self.config), folder, options)

    def _value(self, run: Run) -> float:
        metrics = read_outcome(run).metrics
        if self.goal.metric not in metrics:
            raise ValueError(
                f"The runs log no {self.goal.metric!r} to search by: name one of "
                f"{', '.join(metrics)} by --metric."
            )
        return metrics[self.goal.metric][-1]

    def _tell(self, number: int, value: float | None) -> str:
        """Keep the result of a trial, and return a line about it."""
        good = value is not None and math.isfinite(value)
        state = self._states.COMPLETE if good else self._states.FAIL
        self._study.tell(number, value if good else None, state=state)
        result = f"{self.goal.metric} {value:.6g}" if value is not None else "failed"
        return f"trial {number}: {result} with {options_line(self._settings(number))}"

    def _settings(self, number: int) -> dict[str, Any]:
        return dict(self._study.get_trials()[number].params)

    def _count(self, state: Any) -> int:
        return len(self._study.get_trials(states=[state]))

    def _hopeless(self) -> bool:
        done, failed = (self._count(s) for s in (self._states.COMPLETE, self._states.FAIL))
        return not done and failed >= PATIENCE

    def _write(self) -> dict[str, Any]:
        """Write the best trial so far, if there is one, to ``best.json``, and return it."""
        done = self._count(self._states.COMPLETE)
        if not done:
            raise ValueError(f"No trial has ended with a number: see {self.work_dir}/trial_*.")
        best = self._study.best_trial
        found = dict(
            settings=best.params,
            cfg_options=options_line(best.params),
            metric=self.goal.metric,
            value=best.value,
            trial=best.number,
            trials=done,
            failed=self._count(self._states.FAIL),
            space={key: str(one) for key, one in self.goal.space.items()},
            seed=self.goal.seed,
        )
        write_file(self.work_dir / BEST, f"{json.dumps(found, indent=1)}\n".encode())
        return found

    def _check_same(self) -> None:
        """Check that an existing study in the folder has the same goal and the same config."""
        begun = asdict(self.goal) | {"config": Run("", str(self.config), Path()).fingerprint()}
        fixed = json.loads(json.dumps(begun))
        before = self._study.user_attrs.get("search")
        if before is None:
            self._study.set_user_attr("search", fixed)
        elif before != fixed:
            changed = ", ".join(key for key in fixed if before.get(key) != fixed[key])
            raise ValueError(
                f"{self.work_dir} holds a search with another {changed}: trials of both cannot be "
                "compared. Keep what it began with, or give another --work-dir."
            )


def options_line(settings: dict[str, Any]) -> str:
    """Return settings as ``--cfg-options`` takes them."""
    return " ".join(f"{key}={value}" for key, value in settings.items())


def import_optuna() -> Any:
    """Import Optuna.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ImportError(
            "A search needs Optuna: pip install 'mmkd[cluster]', or pip install optuna."
        ) from error
    return optuna
