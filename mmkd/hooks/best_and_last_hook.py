"""Hook that logs the last and the best result of a run, side by side, at its end."""

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmkd.registry import HOOKS


@HOOKS.register_module()
class BestAndLastHook(Hook):
    """Log the validation result of the last epoch and that of the best one when training ends.

    Much of the distillation literature reports the best epoch on its test images; the last epoch's
    result involves no such choice. The metrics, and the rule for the best value, are those by which
    MMEngine's ``CheckpointHook`` keeps the best checkpoint (``save_best``); without ``save_best``
    the hook logs nothing. A resumed run also knows the best result before it was interrupted.
    """

    def __init__(self) -> None:
        self._validated: int | None = None

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._validated = runner.epoch

    def after_train(self, runner: Runner) -> None:
        if self._validated is None:
            return
        scalars, known = runner.message_hub.log_scalars, runner.message_hub.runtime_info
        for saver in runner.hooks:
            if not isinstance(saver, CheckpointHook) or not saver.save_best:
                continue
            for metric in saver.key_indicators:
                ending = f"_{metric}" if len(saver.key_indicators) > 1 else ""
                if f"val/{metric}" not in scalars or f"best_score{ending}" not in known:
                    continue
                runner.logger.info(
                    f"{metric}: {scalars[f'val/{metric}'].current():.4f} in the last epoch "
                    f"({self._validated}), {known[f'best_score{ending}']:.4f} in the best one "
                    f"({known[f'best_ckpt{ending}']})"
                )
