"""Hook that ends a run on a signal, after it has written a checkpoint."""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.fileio import get_file_backend
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmkd.registry import HOOKS

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StoppedError(SystemExit):
    """Exit of a run that a signal ended; the exit code is 128 plus the signal's number."""


@HOOKS.register_module()
class StopHook(Hook):
    """End the run after the iteration in which SIGTERM or SIGINT arrives, with a checkpoint.

    The exit code of the process is 128 plus the signal's number, as a shell reports for a killed
    process. A second signal ends the process at once. The processes of a distributed run all end
    after the same iteration. During validation a single process ends after the current batch, and
    several processes end after the validation.

    The checkpoint is ``iter_<n>.pth``, also within an epoch; ``--resume`` continues from it. None
    is written if MMEngine has just written a checkpoint of the same iteration.

    Raises:
        StoppedError: After the checkpoint is written.
    """

    priority = "LOWEST"  # after MMEngine's CheckpointHook, which may just have written a checkpoint

    def __init__(self) -> None:
        self._signal = 0
        self._process = 0
        self._saved_at = -1

    def before_train(self, runner: Runner) -> None:
        self._signal, self._process = 0, os.getpid()
        try:
            for number in SIGNALS:
                signal.signal(number, self._note)
        except ValueError:  # only the main thread can handle signals
            runner.logger.info("Signals end this run at once: it does not run in the main thread.")

    def after_train(self, runner: Runner) -> None:
        _restore()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        self._saved_at = checkpoint["meta"]["iter"] if "optimizer" in checkpoint else self._saved_at

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if number := _agreed(self._signal):
            self._stop(runner, number, runner.iter + 1)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        # Processes may validate different numbers of batches, so they end together after the
        # validation.
        if self._signal and get_world_size() == 1:
            self._stop(runner, self._signal, runner.iter)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        if number := _agreed(self._signal):
            self._stop(runner, number, runner.iter)

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one is noted, the second one ends the process."""
        if os.getpid() != self._process:  # a data worker, which inherited this handler
            if number == signal.SIGINT:
                # Ctrl-C goes to all processes; the run needs the worker's batches until it has
                # ended
                return
        elif not self._signal:
            self._signal = number
            return
        _restore()
        os.kill(os.getpid(), number)

    def _stop(self, runner: Runner, number: int, iteration: int) -> None:
        _restore()
        if self._saved_at != iteration:
            _save(runner, iteration)
        name = signal.Signals(number).name
        runner.logger.warning(
            f"Stopped by {name} after iteration {iteration}. Go on from there with --resume."
        )
        raise StoppedError(128 + number)


def _restore() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _agreed(number: int) -> int:
    """Return the greatest value of ``number`` over all processes."""
    if get_world_size() == 1:
        return number
    numbers = torch.tensor([number])
    all_reduce(numbers, "max")
    return int(numbers)


def _save(runner: Runner, iteration: int) -> None:
    """Write a checkpoint into the run's folder of checkpoints, and name it in last_checkpoint."""
    savers = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    folder = savers[0].out_dir if savers else runner.work_dir
    name = f"iter_{iteration}.pth"
    meta = dict(epoch=runner.epoch, iter=iteration, stopped=True)
    runner.save_checkpoint(folder, name, meta=meta)
    pointer = Path(runner.work_dir, "last_checkpoint")
    get_file_backend(str(pointer)).put_text(str(Path(folder, name)), str(pointer))
