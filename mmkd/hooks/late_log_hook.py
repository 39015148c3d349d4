"""Hook that logs a training step's losses without waiting for the device."""

from typing import Any

from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from mmkd.hooks.late_history import log_late
from mmkd.registry import HOOKS


@HOOKS.register_module()
class LateLogHook(RuntimeInfoHook):
    """MMEngine's RuntimeInfoHook, but without waiting for the losses in each iteration.

    MMEngine waits in each iteration for each logged value, so that a GPU has no work queued and is
    idle while the next step is prepared. This hook copies the values of an iteration to the host
    asynchronously. Readers of the log, such as the logger at its interval or a checkpoint, get the
    same values as with MMEngine's hook.
    """

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        log_late(runner.message_hub, outputs or {})
