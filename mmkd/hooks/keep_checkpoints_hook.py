"""Hook that deletes a checkpoint only when the next is complete, and keeps checkpoints small."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmkd.registry import HOOKS

LOGGED = 1000  # minimum number of values of each log that are kept


@HOOKS.register_module()
class KeepCheckpointsHook(Hook):
    """Let MMEngine's CheckpointHook delete an old checkpoint only after the new one is complete.

    MMEngine deletes before it saves: with ``max_keep_ckpts=1`` a kill during saving loses all
    checkpoints. A checkpoint that :class:`mmkd.hooks.StopHook` wrote is deleted after the resumed
    run has written the next one.

    MMEngine keeps every logged value and writes all of them into each checkpoint. This hook limits
    each log to the values of two epochs, or to 1,000 values if that is more.
    """

    priority = "LOWEST"  # after MMEngine's CheckpointHook, which is VERY_LOW

    def __init__(self) -> None:
        self._outdated: dict[Path, Callable[[str], None]] = {}
        self._saving = False
        self._stopped_at: int | None = None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        meta = checkpoint.get("meta") or {}
        self._stopped_at = meta["iter"] if runner._resume and meta.get("stopped") else None

    def before_train(self, runner: Runner) -> None:
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook):
                remove = hook.file_backend.remove
                hook.file_backend.remove = partial(self._remove_later, remove)
                stopped = Path(hook.out_dir, f"iter_{self._stopped_at}.pth")
                if stopped.is_file():
                    self._remove_later(remove, str(stopped))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        self._saving = True
        for buffer in runner.message_hub.log_scalars.values():
            buffer.max_length = max(LOGGED, 2 * len(runner.train_dataloader))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._remove_outdated()

    def after_train_epoch(self, runner: Runner) -> None:
        self._remove_outdated()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._remove_outdated()

    def _remove_later(self, remove: Callable[[str], None], path: str) -> None:
        self._outdated[Path(path)] = remove

    def _remove_outdated(self) -> None:
        if not self._saving:
            return
        self._saving = False
        for path, remove in self._outdated.items():
            if path.is_file():
                remove(str(path))
        self._outdated.clear()
