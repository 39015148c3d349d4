"""Hook that writes files of the student alone beside the checkpoints of a run."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.hooks.model import distiller_of
from mmkd.networks.student import student_checkpoint
from mmkd.registry import HOOKS

SUFFIX = "_student.pth"
Version = tuple[int, int]


@HOOKS.register_module()
class StudentCheckpointHook(Hook):
    """Write ``<name>_student.pth`` beside every checkpoint ``<name>.pth``, including the best one.

    The files contain the plain student's weights (EMA's weights if EMA is on) under the keys that
    stock mmpretrain and mmdet load strictly. They are deleted together with their checkpoint.
    """

    priority = "LOWEST"  # after MMEngine's CheckpointHook, which is VERY_LOW

    def __init__(self) -> None:
        self._savers: list[CheckpointHook] = []
        self._versions: dict[Path, Version] = {}
        self._student: dict[str, Any] | None = None

    @master_only
    def before_train(self, runner: Runner) -> None:
        self._savers, self._versions = [], {}
        for hook in runner.hooks:
            if distiller_of(runner) is None or not isinstance(hook, CheckpointHook):
                continue
            if not isinstance(hook.file_backend, LocalBackend):
                runner.logger.warning(
                    f"No student files beside the checkpoints in {hook.out_dir}: they are written "
                    "to local folders only. tools/model_converters/export_student.py makes them "
                    "afterwards."
                )
                continue
            self._savers.append(hook)
            # Files from an earlier run do not belong to this student.
            files = Path(hook.out_dir).glob("*")
            self._versions.update({path: _version(path) for path in files if path.is_file()})
            if runner.iter > 0:
                _make_up(hook, runner)

    @master_only
    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        if self._savers:
            self._student = student_checkpoint(checkpoint)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._synchronize()

    def after_train_epoch(self, runner: Runner) -> None:
        self._synchronize()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._synchronize()

    def _synchronize(self) -> None:
        """Write the student beside new checkpoints, and remove files whose checkpoint is gone."""
        if self._student is None:
            return
        for path in {path for saver in self._savers for path in _saved_by(saver)}:
            if path.is_file() and self._versions.get(path) != _version(path):
                _write(self._student, student_file(path))
                self._versions[path] = _version(path)
        for path in [path for path in self._versions if not path.exists()]:
            if student_file(path).exists():
                get_file_backend(str(path)).remove(str(student_file(path)))
            del self._versions[path]
        self._student = None


def student_file(checkpoint: Path) -> Path:
    """Return the path of the student's file beside a checkpoint."""
    return checkpoint.with_name(checkpoint.stem + SUFFIX)


def _version(path: Path) -> Version:
    """Return a mark that tells one version of a file from another."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _saved_by(hook: CheckpointHook) -> Iterator[Path]:
    """Yield the files that MMEngine's hook wrote last: the newest checkpoint and the best ones."""
    best = [
        getattr(hook, "best_ckpt_path", None),
        *getattr(hook, "best_ckpt_path_dict", {}).values(),
    ]
    return (Path(path) for path in [hook.last_ckpt, *best] if path is not None)


def _make_up(hook: CheckpointHook, runner: Runner) -> None:
    """Write the student of a resumed run's last checkpoint, if a kill prevented that."""
    last = Path(hook.out_dir, Path(runner.message_hub.get_info("last_ckpt") or "").name)
    if last.is_file() and not student_file(last).exists():
        trust = bool(runner.cfg.get("trust_checkpoint", False))
        _write(student_checkpoint(load_checkpoint(last, trust)), student_file(last))


def _write(student: dict[str, Any], path: Path) -> None:
    """Write the file completely or not at all, like MMEngine's checkpoints."""
    with io.BytesIO() as content:
        torch.save(student, content)
        get_file_backend(str(path)).put(content.getvalue(), str(path))
