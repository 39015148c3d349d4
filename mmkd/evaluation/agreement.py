"""Agreement of a student with its teacher."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmkd.evaluation.functional import as_probabilities, kl_divergence
from mmkd.registry import METRICS

ITEMS = ("agreement", "kl")


@METRICS.register_module()
class TeacherAgreement(BaseMetric):
    """Agreement of student and teacher, from ``pred_score`` and ``teacher_scores``.

    This metric has the two measures of fidelity of "Does Knowledge Distillation Really Work?"
    (Stanton et al., NeurIPS 2021), which shows that a student can generalise without imitating its
    teacher. Items, logged under ``teacher/``:

    - ``agreement``: share of samples for which both predict the same class, from 0 to 1;
    - ``kl``: mean ``KL(teacher || student)`` at temperature 1, in nats.

    Args:
        teacher: name of the teacher to compare with; optional if there is only one.
        items: the items to report.
        collect_device: device on which the results of several processes are collected, ``'cpu'`` or
            ``'gpu'``.
        prefix: replacement of ``teacher`` in the names; two such metrics need two prefixes.

    Raises:
        ValueError: if there is no such item.
    """

    default_prefix = "teacher"

    def __init__(
        self,
        teacher: str | None = None,
        items: Sequence[str] = ITEMS,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if unknown := [item for item in items if item not in ITEMS]:
            raise ValueError(f"unknown items {unknown}; there are {', '.join(ITEMS)}")
        self.teacher = teacher
        self.items = tuple(items)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Compare a batch.

        Args:
            data_batch: not used.
            data_samples: one dict per sample with ``pred_score`` ``(C,)`` and ``teacher_scores``, a
                dict from a teacher's name to its probabilities ``(C,)``.

        Raises:
            KeyError: if the teacher's scores are missing, or it is unclear which teacher is meant.
            ValueError: if the scores are not distributions, or differ in the number of classes.
        """
        student = as_probabilities(torch.stack([s["pred_score"] for s in data_samples]))
        teacher = as_probabilities(torch.stack([self._teacher_score(s) for s in data_samples]))
        teacher = teacher.to(student.device)
        if teacher.shape != student.shape:
            raise ValueError(
                f"the teacher predicts {teacher.shape[1]} classes, the student {student.shape[1]}"
            )
        same = teacher.argmax(dim=1) == student.argmax(dim=1)
        columns = (same.double(), kl_divergence(teacher, student))
        self.results.extend(torch.stack(columns, dim=1).tolist())

    def _teacher_score(self, sample: Mapping[str, Any]) -> Tensor:
        scores: Mapping[str, Tensor] = sample.get("teacher_scores") or {}
        if not scores:
            raise KeyError(
                "the samples carry no teacher_scores; set predict_teachers=True in mmkd.Distiller"
            )
        name = self.teacher
        if name is None and len(scores) == 1:
            name = next(iter(scores))
        if name is None or name not in scores:
            known = ", ".join(scores)
            raise KeyError(f"set teacher= of this metric to one of: {known} (now {self.teacher!r})")
        return scores[name]

    def compute_metrics(self, results: list[list[float]]) -> dict[str, float]:
        """Average over all samples."""
        agreement, kl = torch.tensor(results, dtype=torch.float64).mean(dim=0).tolist()
        values = {"agreement": agreement, "kl": kl}
        return {item: values[item] for item in self.items}
