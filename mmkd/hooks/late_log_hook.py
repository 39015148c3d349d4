"""Hook that logs a training step's losses without waiting for the device."""

from typing import Any

from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from mmkd.hooks.late_history import log_late
from mmkd.registry import HOOKS


@HOOKS.register_module()
class LateLogHook(RuntimeInfoHook):
    """MMEngine's RuntimeInfoHook, with losses that stay on the device until the log is written.

    MMEngine waits in each iteration for each value of the log; a GPU then has no work queued, and
    stands still while the next step is prepared. Here the values of an iteration are copied to the
    host behind the step, and whoever reads the log, such as the logger in its interval or a
    checkpoint, reads the same values.
    """

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        log_late(runner.message_hub, outputs or {})
