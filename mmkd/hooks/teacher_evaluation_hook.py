"""Measuring the teachers once, before they teach."""

from collections.abc import Mapping
from copy import copy

import torch
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmkd.distillers import BaseDistiller
from mmkd.evaluation import TeacherAgreement
from mmkd.hooks.mean_teacher_hook import mean_teachers
from mmkd.hooks.model import distiller_of
from mmkd.registry import HOOKS
from mmkd.teachers import Teacher, names_of_each

Metrics = dict[str, float]


@HOOKS.register_module()
class TeacherEvaluationHook(Hook):
    """Evaluate each teacher on the validation data before training, and log its metrics.

    It is evaluated as training uses it, on the student's batches turned into its own input, so that
    a wrong normalisation or a wrong checkpoint shows. A resumed run does not repeat it. Networks
    that are trained here, as the students of :class:`mmkd.MutualDistiller` and mean teachers, are
    not evaluated.

    Args:
        expected: Least value of metrics by teacher, such as
            ``dict(teacher={'accuracy/top1': 79.0})``. A teacher below it is warned about.
    """

    priority = "LOW"

    def __init__(self, expected: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self.expected = expected or {}

    def before_train(self, runner: Runner) -> None:
        distiller = distiller_of(runner)
        if distiller is None or runner.iter > 0:
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
        if distiller.store is not None:
            runner.logger.info("The teachers come from a store, and are not evaluated.")
            return
        if runner.val_loop is None:
            runner.logger.warning("The teachers are not evaluated: there is no validation loop.")
            return
        trained_before = {name: distiller.teachers[name] for name in names}
        for teacher, same in names_of_each(trained_before).items():
            metrics = self._evaluate(runner, distiller, teacher)
            listed = "  ".join(f"{key}: {value:.4f}" for key, value in metrics.items())
            for name in same:
                runner.message_hub.update_info(f"teacher_metrics/{name}", metrics)
                runner.logger.info(f"Teacher {name!r} on the validation data: {listed}")
                self._compare(runner, name, metrics)

    @staticmethod
    def _evaluate(runner: Runner, distiller: BaseDistiller, teacher: Teacher) -> Metrics:
        loop = runner.val_loop
        metrics = [m for m in loop.evaluator.metrics if not isinstance(m, TeacherAgreement)]
        evaluator = Evaluator(metrics)
        evaluator.dataset_meta = loop.evaluator.dataset_meta
        # A loader draws random numbers when its workers start, which training must not notice: they
        # are restored, and a copy of the loader leaves persistent workers for validation to start.
        with torch.random.fork_rng(devices=[]):
            for batch in copy(loop.dataloader):
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
