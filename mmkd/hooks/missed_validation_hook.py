"""Hook that runs the validation that an interruption prevented."""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mmkd.registry import HOOKS


@HOOKS.register_module()
class MissedValidationHook(Hook):
    """Validate first if a run is resumed from a checkpoint that should be followed by a validation.

    MMEngine saves a checkpoint before it validates. The checkpoint therefore contains neither the
    metrics of that validation nor the best checkpoint after it, and a run that resumes from it
    could keep a worse checkpoint as the best one. This hook repeats the validation, with the same
    weights on the same images, before training continues.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self._missed = False

    def before_train(self, runner: Runner) -> None:
        self._missed = runner.iter > 0 and _is_due(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        self._make_up(runner)

    def after_train(self, runner: Runner) -> None:
        """Run the missed validation of a resumed run that has no iteration left."""
        self._make_up(runner)

    def _make_up(self, runner: Runner) -> None:
        if self._missed:
            self._missed = False
            runner.logger.info("Validating first: the checkpoint was saved before its validation.")
            runner.val_loop.run()


def _is_due(runner: Runner) -> bool:
    """Return whether MMEngine's loop validates before the next epoch or iteration."""
    loop = runner.train_loop
    if runner.val_loop is None or not isinstance(loop, EpochBasedTrainLoop | IterBasedTrainLoop):
        return False
    done, last = loop.iter, loop.max_iters
    if isinstance(loop, EpochBasedTrainLoop):
        if loop.iter != loop.epoch * len(loop.dataloader):
            return False  # within an epoch, at whose end the loop validates
        done, last = loop.epoch, loop.max_epochs
    loop._decide_current_val_interval()
    return bool(done >= loop.val_begin and (done % loop.val_interval == 0 or done == last))
