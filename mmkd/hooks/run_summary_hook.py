"""Hook that logs a summary of a run at its beginning and at its end."""

import time
from collections.abc import Callable
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmkd.hooks.run_summary import Line, beginning, block, ending, remaining
from mmkd.registry import HOOKS


@HOOKS.register_module()
class RunSummaryHook(Hook):
    """Log a summary when training begins, the expected time, and a summary when it has ended.

    The first summary lists the student and the teachers with their parameters and multiply-adds,
    what the terms compare and with which weights, the data, and the length of the run. The last one
    lists the last result, the files, and a command that tests the student. The hook also works for
    configs without distillation. If a summary cannot be made, the hook logs a warning in its place
    and the run continues.

    Args:
        measured: Number of iterations whose mean time gives the expected time. As many iterations
            at the beginning are left out.
    """

    priority = "HIGH"

    def __init__(self, measured: int = 10) -> None:
        self.measured = measured
        self._started: float | None = None
        self._first, self._since = 0, 0.0

    @master_only
    def before_train(self, runner: Runner) -> None:
        self._started, self._first = time.time(), runner.iter + self.measured
        _log(runner, "This run", lambda: beginning(runner))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if runner.iter == self._first:
            self._since = time.time()
        elif runner.iter == self._first + self.measured:
            _say_remaining(runner, (time.time() - self._since) / self.measured)

    @master_only
    def after_run(self, runner: Runner) -> None:
        if self._started is not None:
            started, self._started = self._started, None
            _log(runner, "This run has ended", lambda: ending(runner, started))


@master_only
def _say_remaining(runner: Runner, seconds: float) -> None:
    runner.logger.info(remaining(runner, seconds))


def _log(runner: Runner, title: str, lines: Callable[[], list[Line]]) -> None:
    try:
        runner.logger.info(block(title, lines()))
    except Exception as error:  # A summary is no reason to end a run.
        runner.logger.warning(f"There is no summary of the run: {type(error).__name__}: {error}")
