"""Record of a run: its ingredients, and how it ended."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmkd
from mmkd.compat.files import write_file
from mmkd.compat.machine import provenance
from mmkd.hooks.identity import Identity, differences, identity
from mmkd.registry import HOOKS

KEY = "mmkd"
FILE = "run.json"
TIME = "%Y-%m-%dT%H:%M:%S%z"


class ResumeMismatchError(RuntimeError):
    """Error for a checkpoint of a run with another teacher, objective or data."""


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``run.json`` into the work folder, and the same record into each checkpoint's ``meta``.

    The record has the command, the hash of the composed config, the commit of mmkd, the versions of
    the stack, the machine, the seed, the hashes of the teachers' weights and of the index of the
    training data, the times of start and end, and the reason why the run ended.

    A run is only resumed if its teachers' weights, its model's settings and its training data are
    unchanged. With ``force_resume = True`` in the config the hook only warns of differences.

    Raises:
        ResumeMismatchError: When a resumed run differs. The message names the differences.
    """

    priority = "LOW"

    def __init__(self) -> None:
        self.changed: list[str] = []
        self._identity: Identity | None = None
        self._record: dict[str, Any] = {}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        saved = ((checkpoint.get("meta") or {}).get(KEY) or {}).get("identity")
        if not runner._resume or saved is None:
            return
        self.changed = differences(saved, self._own_identity(runner))
        if not self.changed:
            return
        text = "\n  ".join(self.changed)
        if not runner.cfg.get("force_resume"):
            raise ResumeMismatchError(
                f"The checkpoint is of a run that differs from this one:\n  {text}\nMake them the "
                "same again, begin anew in another --work-dir, or go on all the same with "
                "--force-resume."
            )
        runner.logger.warning(f"Resumed all the same, though there are differences:\n  {text}")

    def before_train(self, runner: Runner) -> None:
        own = self._own_identity(runner)
        self._record = dict(
            **provenance(Path(mmkd.__file__).parent),
            config=hashlib.sha256(runner.cfg.pretty_text.encode()).hexdigest(),
            seed=runner.seed,
            hashes={name: value for name, value in own.items() if value.startswith("sha256:")},
            started=time.strftime(TIME),
            resumed_at=runner.iter,
            ended=None,
            reason="it runs, or was killed",
        )
        self._write(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        record = {**self._record, "ended": None}
        checkpoint["meta"][KEY] = dict(identity=self._own_identity(runner), record=record)

    def after_train(self, runner: Runner) -> None:
        self._end(runner, "finished")

    def after_failure(self, runner: Runner, error: BaseException) -> None:
        """Note the reason for the end of the run; :class:`mmkd.engine.SafeRunner` calls this."""
        [line, *_] = str(error).splitlines() or [""]
        self._end(runner, f"{type(error).__name__}: {line}")

    def _own_identity(self, runner: Runner) -> Identity:
        if self._identity is None:
            self._identity = identity(runner)
        return self._identity

    def _end(self, runner: Runner, reason: str) -> None:
        self._record |= dict(ended=time.strftime(TIME), reason=reason, iterations=runner.iter)
        self._write(runner)

    def _write(self, runner: Runner) -> None:
        if not is_main_process() or not self._record:
            return
        text = json.dumps(self._record, indent=2, default=str)
        try:
            write_file(Path(runner.work_dir, FILE), f"{text}\n".encode())
        except OSError as error:
            runner.logger.warning(f"{FILE} could not be written: {error}")
