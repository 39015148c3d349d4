"""Hook that evaluates the teachers once, before they teach."""

from collections.abc import Mapping
from copy import copy

import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmkd.compat.progress import track
from mmkd.distillers import BaseDistiller
from mmkd.evaluation import TeacherAgreement
from mmkd.hooks.data_check_hook import head_classes
from mmkd.hooks.mean_teacher_hook import mean_teachers
from mmkd.hooks.model import distiller_of
from mmkd.hooks.run_record_hook import RunRecordHook
from mmkd.registry import HOOKS
from mmkd.teachers import Teacher, names_of_each

Metrics = dict[str, float]
CHANCE = 1.5  # less than this many times chance level counts as no knowledge


@HOOKS.register_module()
class TeacherEvaluationHook(Hook):
    """Evaluate each teacher on the validation data before training, and log its metrics.

    The teacher is run as in training: it gets the student's batches, converted to the teacher's
    preprocessing. A wrong normalisation or a wrong checkpoint therefore shows in its metrics. If a
    teacher is hardly better than chance (top-1 or mIoU of at most 1.5 times chance level, or an AP
    of 0) or detects no object, the hook logs an error before training and again after it. A resumed
    run does not repeat the evaluation, unless the teachers have changed.

    The hook does not evaluate networks that this run trains (such as the students of
    :class:`mmkd.MutualDistiller`, and mean teachers), teachers that a store replaces, teachers
    without classes, and teachers whose number of classes differs from the student's and that have
    no class map.

    Args:
        expected: Minimum of metrics by teacher, such as ``dict(teacher={'accuracy/top1': 79.0})``.
            The hook warns if a teacher's metric is below it.

    Raises:
        ValueError: Before training, if ``expected`` names a teacher that the model does not have.
    """

    priority = "LOW"

    def __init__(self, expected: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self.expected = expected or {}
        self._useless: list[str] = []

    def before_train(self, runner: Runner) -> None:
        distiller = distiller_of(runner)
        if distiller is None or (runner.iter > 0 and not _changed(runner)):
            return
        names = [name for name in distiller.teachers if name not in mean_teachers(runner)]
        if unknown := set(self.expected) - set(names):
            raise ValueError(
                f"TeacherEvaluationHook expects something of {', '.join(sorted(unknown))}; the "
                f"teachers are {', '.join(names) or 'none that is trained before'}."
            )
        if not names:
            runner.logger.info("There is no teacher that was trained before, and none to evaluate.")
            return
        if distiller.store is not None and not distiller.store.grow:
            runner.logger.info("The teachers come from a store, and are not evaluated.")
            return
        if runner.val_loop is None:
            runner.logger.warning("The teachers are not evaluated: there is no validation loop.")
            return
        trained_before = {name: distiller.teachers[name] for name in names}
        for teacher, same in names_of_each(trained_before).items():
            if (classes := _other_classes(distiller, teacher)) is not None:
                runner.logger.warning(
                    f"Teacher {same[0]!r} is not evaluated: it has {classes} other classes and no "
                    "class_map."
                )
                continue
            if not teacher.manner.computes_losses and teacher.classes is None:
                runner.logger.info(
                    f"Teacher {same[0]!r} is not evaluated: it teaches features and has no classes."
                )
                continue
            metrics = self._evaluate(runner, distiller, teacher, same[0])
            listed = "  ".join(f"{k}: {v:.4f}" for k, v in metrics.items()) or "no metrics"
            for name in same:
                runner.message_hub.update_info(f"teacher_metrics/{name}", metrics)
                runner.logger.info(f"Teacher {name!r} on the validation data: {listed}")
                self._compare(runner, name, metrics)
                self._look_for_chance(runner, distiller.student, name, metrics)

    def after_train(self, runner: Runner) -> None:
        for warning in self._useless:
            runner.logger.error(warning)

    def _look_for_chance(
        self, runner: Runner, student: nn.Module, name: str, metrics: Metrics
    ) -> None:
        """Log a prominent warning about a teacher that is no better than chance."""
        classes, found = head_classes(student), list[str]()
        if not metrics and _metrics(runner):  # mmdet's metrics have no value without a box
            found.append("no metric has a value, as where a detector finds no object")
        for key, value in metrics.items():
            percent = key.endswith(("top1", "mIoU"))
            chance = CHANCE * 100 / classes if percent and classes else 0.0
            if key.endswith(("top1", "mIoU", "mAP")) and value <= chance:
                found.append(f"{key} is {value:.4f}, where chance gives {chance / CHANCE:.4f}")
        line = "!" * 80
        for text in found:
            warning = (
                f"\n{line}\nTeacher {name!r} knows nothing of the validation data: {text}. A "
                "student learns nothing from it. Is this the right checkpoint, does its "
                "data_preprocessor fit, and is the order of its classes the student's?\n"
                f"{line}"
            )
            runner.logger.error(warning)
            self._useless.append(warning)

    @staticmethod
    def _evaluate(runner: Runner, distiller: BaseDistiller, teacher: Teacher, name: str) -> Metrics:
        loop = runner.val_loop
        evaluator = Evaluator(_metrics(runner))
        evaluator.dataset_meta = loop.evaluator.dataset_meta
        # A loader draws random numbers when its workers start. Training must not notice that, so
        # the generators are restored, and a copy of the loader is used so that validation starts
        # its persistent workers itself.
        with torch.random.fork_rng(devices=[]):
            for batch in track(copy(loop.dataloader), f"Teacher {name!r}"):
                data = distiller.data_preprocessor(batch, False)
                predictions = teacher.predict(**data)
                evaluator.process(data_samples=predictions, data_batch=batch)
        return dict(evaluator.evaluate(len(loop.dataloader.dataset)))

    def _compare(self, runner: Runner, name: str, metrics: Metrics) -> None:
        for key, least in self.expected.get(name, {}).items():
            if key not in metrics:
                runner.logger.warning(
                    f"Teacher {name!r} has no metric {key!r}; it has {', '.join(metrics)}."
                )
            elif metrics[key] < least:
                runner.logger.warning(
                    f"Teacher {name!r} has {key} {metrics[key]:.4f}, under the expected {least}: "
                    "is this the right checkpoint, and does its data_preprocessor fit?"
                )


def _metrics(runner: Runner) -> list[BaseMetric]:
    """Return the validation metrics that can be computed for a teacher without the student."""
    metrics = runner.val_loop.evaluator.metrics
    return [metric for metric in metrics if not isinstance(metric, TeacherAgreement)]


def _changed(runner: Runner) -> bool:
    """Return whether a resumed run has other teachers than before."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, RunRecordHook)]
    return any("teacher" in difference for hook in hooks for difference in hook.changed)


def _other_classes(distiller: BaseDistiller, teacher: Teacher) -> int | None:
    """Return a teacher's number of classes if it is not the student's and there is no class map."""
    own, needed = head_classes(teacher.network), head_classes(distiller.student)
    if not teacher.manner.computes_losses:
        own = teacher.classes
    differ = None not in (own, needed) and own != needed and teacher.class_map is None
    return own if differ else None
