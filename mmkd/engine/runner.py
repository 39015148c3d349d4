"""Runner for runs that nobody watches."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmkd.compat.archives import BrokenCheckpointError
from mmkd.compat.checkpoints import trusting
from mmkd.compat.files import remove_unfinished
from mmkd.engine.work_folder import (
    POINTER,
    check_fresh,
    checkpoints,
    locked,
    remove_links,
)
from mmkd.hooks.model import cohort_of
from mmkd.loading import build_loader
from mmkd.registry import RUNNERS

# MMEngine's defaults, which configs of mmdet and mmseg name explicitly.
STOCK = dict(type="ValLoop", constructor="DefaultOptimWrapperConstructor")
GUARDS = dict(
    runtime_info=dict(type="mmkd.LateLogHook"),
    exact_resume=dict(type="mmkd.ExactResumeHook"),
    keep_checkpoints=dict(type="mmkd.KeepCheckpointsHook"),
    missed_validation=dict(type="mmkd.MissedValidationHook"),
    stop=dict(type="mmkd.StopHook"),
    finite=dict(type="mmkd.FiniteGuardHook"),
    hang=dict(type="mmkd.HangGuardHook"),
    data_check=dict(type="mmkd.DataCheckHook"),
    run_record=dict(type="mmkd.RunRecordHook"),
    importance=dict(type="mmkd.ImportanceHook"),
    run_summary=dict(type="mmkd.RunSummaryHook"),
)


@RUNNERS.register_module()
class SafeRunner(Runner):
    """MMEngine's Runner, for runs that nobody watches: ``runner_type = 'mmkd.SafeRunner'``.

    It locks its work folder, resumes from the newest intact checkpoint, and refuses to start in a
    folder that has checkpoints of another run. It adds the hooks in ``GUARDS`` to MMEngine's
    default hooks; ``default_hooks=dict(<name>=None)`` removes one.

    It reads these fields of the config: ``trust_checkpoint`` (allow code in checkpoints to be
    executed), ``overwrite`` (start in a folder that has another run's checkpoints) and
    ``force_resume`` (see :class:`mmkd.hooks.RunRecordHook`).
    """

    def train(self) -> nn.Module:
        """Train, with the work folder locked for this run.

        Raises:
            WorkFolderError: If another run works in the folder, or left checkpoints and neither
                ``resume`` nor ``overwrite`` is set.
        """
        alone = locked(self.work_dir) if is_main_process() else nullcontext()
        with trusting(self._trusts()), alone:
            if is_main_process():
                remove_unfinished(self.work_dir)
                if not self._resume and not self.cfg.get("overwrite"):
                    check_fresh(self.work_dir)
            try:
                model: nn.Module = super().train()
            except BaseException as error:
                self.call_hook("after_failure", error=error)
                raise
        return model

    def val(self) -> dict[str, float]:
        with trusting(self._trusts()):
            return dict(super().val())

    def test(self) -> dict[str, float]:
        with trusting(self._trusts()):
            return dict(super().test())

    def build_model(self, model: nn.Module | dict[str, Any]) -> nn.Module:
        with trusting(self._trusts()):
            built: nn.Module = super().build_model(model)
        return built

    def build_optim_wrapper(self, optim_wrapper: Any) -> Any:
        """Build the optimizer as MMEngine does; for a cohort, build one for each member."""
        return super().build_optim_wrapper(
            self._for_cohort(optim_wrapper, "constructor", "mmkd.CohortOptimWrapperConstructor")
        )

    def build_val_loop(self, loop: Any) -> Any:
        """Build the loop as MMEngine does; for a cohort, build one that validates each member."""
        return super().build_val_loop(self._for_cohort(loop, "type", "mmkd.CohortValLoop"))

    def _for_cohort(self, settings: Any, key: str, value: str) -> Any:
        """Return settings in which, for a cohort, ``value`` replaces MMEngine's default part."""
        if not isinstance(settings, Mapping) or cohort_of(self) is None:
            return settings
        stock = settings.get(key, STOCK[key]) == STOCK[key]
        return {**settings, key: value} if stock else settings

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader[Any] | dict[str, Any],
        seed: int | None = None,
        diff_rank_seed: bool = False,
    ) -> DataLoader[Any]:
        """Build torch's loader, or mmkd's that ``type`` names, such as ``mmkd.DeviceLoader``."""
        return build_loader(dataloader, seed, diff_rank_seed)

    def _trusts(self) -> bool:
        return bool(self.cfg.get("trust_checkpoint", False))

    def register_default_hooks(self, hooks: dict[str, Hook | dict[str, Any]] | None = None) -> None:
        """Register the default hooks and the guards, without the guards that are ``None``."""
        chosen = {**GUARDS, **(hooks or {})}
        without = [name for name in GUARDS if chosen[name] is None]
        super().register_default_hooks({k: v for k, v in chosen.items() if k not in without})

    def load_or_resume(self) -> None:
        """Load as MMEngine does, but resume from the newest intact checkpoint.

        Raises:
            BrokenCheckpointError: If there are checkpoints in the work folder, and none is intact.
        """
        if self._has_loaded or not self._resume or self._load_from is not None:
            super().load_or_resume()
            return
        broken = []
        for path in checkpoints(self.work_dir):
            try:
                self.resume(str(path))
            except BrokenCheckpointError as error:
                self.logger.warning(f"{error} The checkpoint before it is tried.")
                broken.append(path.name)
            else:
                return
        if broken:
            raise BrokenCheckpointError(
                f"None of the checkpoints in {self.work_dir} can be read ({', '.join(broken)}). "
                "Begin anew with --overwrite, or go on from another file with --resume FILE."
            )
        self.logger.info(f"There is no checkpoint in {self.work_dir}: training begins anew.")

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        # MMEngine then writes the pointer to the checkpoint, and would follow a symbolic link.
        remove_links(self.work_dir, POINTER)
        super().save_checkpoint(*args, **kwargs)

    def dump_config(self) -> None:
        if self.cfg.filename is not None:
            remove_links(self.work_dir, Path(self.cfg.filename).name)
        super().dump_config()
