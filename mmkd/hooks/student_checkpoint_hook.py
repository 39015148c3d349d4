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
from mmkd.hooks.model import cohort_of, distillers_of
from mmkd.networks.student import student_checkpoint
from mmkd.registry import HOOKS

SUFFIX = "_student.pth"
Version = tuple[int, int]


@HOOKS.register_module()
class StudentCheckpointHook(Hook):
    """Write ``<name>_student.pth`` beside every checkpoint ``<name>.pth``, including the best one.

    The files contain the plain student's weights (EMA's weights if EMA is on) under the keys that
    stock mmpretrain and mmdet load strictly. They are deleted together with their checkpoint. They
    are written to local folders only; for checkpoints elsewhere the hook warns.

    For a cohort each member's student is written to ``<name>_<member>_student.pth``. For a member
    that was put aside, see :class:`mmkd.hooks.FiniteGuardHook`, no more files are written, and its
    last file is kept. Beside a checkpoint that is the best by a member's metric, only that member's
    student is written.
    """

    priority = "LOWEST"  # after MMEngine's CheckpointHook, which is VERY_LOW

    def __init__(self) -> None:
        self._savers: list[CheckpointHook] = []
        self._versions: dict[Path, Version] = {}
        self._students: dict[str, dict[str, Any]] = {}

    @master_only
    def before_train(self, runner: Runner) -> None:
        self._savers, self._versions = [], {}
        for hook in runner.hooks:
            if not _endings(runner) or not isinstance(hook, CheckpointHook):
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
            self._students = _students(runner, checkpoint)

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
        if not self._students:
            return
        for path, metric in {pair for saver in self._savers for pair in _saved_by(saver)}:
            if path.is_file() and self._versions.get(path) != _version(path):
                best = {e: s for e, s in self._students.items() if _is_of(e, metric)}
                for ending, student in (best or self._students).items():
                    _write(student, _beside(path, ending))
                self._versions[path] = _version(path)
        for path in [path for path in self._versions if not path.exists()]:
            for file in [_beside(path, ending) for ending in self._students]:
                if file.exists():
                    get_file_backend(str(path)).remove(str(file))
            del self._versions[path]
        self._students = {}


def _endings(runner: Runner) -> dict[str, str]:
    """Return the endings of the students' files, with the names of a cohort's members."""
    return {f"_{name}{SUFFIX}" if name else SUFFIX: name for name in distillers_of(runner)}


def _students(runner: Runner, checkpoint: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the students' checkpoints by the endings of their files."""
    cohort = cohort_of(runner)
    aside = [] if cohort is None else cohort.aside
    return {
        ending: student_checkpoint(checkpoint, name)
        for ending, name in _endings(runner).items()
        if name not in aside
    }


def _beside(checkpoint: Path, ending: str) -> Path:
    return checkpoint.with_name(checkpoint.stem + ending)


def _version(path: Path) -> Version:
    """Return the time of change in ns and the size of a file, which tell its versions apart."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _saved_by(hook: CheckpointHook) -> Iterator[tuple[Path, str]]:
    """Yield the files that MMEngine's hook wrote last: the newest checkpoint and the best ones.

    The second item is the metric of a best checkpoint.
    """
    best = dict(getattr(hook, "best_ckpt_path_dict", {}))
    if (path := getattr(hook, "best_ckpt_path", None)) is not None:
        best[hook.key_indicators[0]] = path
    for metric, path in {"": hook.last_ckpt, **best}.items():
        if path is not None:
            yield Path(path), metric


def _is_of(ending: str, metric: str) -> bool:
    """Return whether a student's file ending belongs to the member of a metric ``<member>/...``."""
    member, found, _ = metric.partition("/")
    return bool(found) and ending == f"_{member}{SUFFIX}"


def _make_up(hook: CheckpointHook, runner: Runner) -> None:
    """Write the missing student files of a resumed run's last checkpoint."""
    last = Path(hook.out_dir, Path(runner.message_hub.get_info("last_ckpt") or "").name)
    missing = [ending for ending in _endings(runner) if not _beside(last, ending).exists()]
    if last.is_file() and missing:
        trust = bool(runner.cfg.get("trust_checkpoint", False))
        students = _students(runner, load_checkpoint(last, trust))
        for ending in students.keys() & {*missing}:
            _write(students[ending], _beside(last, ending))


def _write(student: dict[str, Any], path: Path) -> None:
    """Write the file completely or not at all, like MMEngine's checkpoints."""
    with io.BytesIO() as content:
        torch.save(student, content)
        get_file_backend(str(path)).put(content.getvalue(), str(path))
