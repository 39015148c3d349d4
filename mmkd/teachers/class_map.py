"""Correspondence of classes between a student and a teacher with other classes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Correspondence = Sequence[int | None] | Mapping[int, int]


class ClassMap:
    """Restricts the logits of both networks to the classes that they share, in the student's order.

    Args:
        correspondence: Teacher class of each student class, as a sequence with ``None`` where the
            teacher lacks the class, or as a mapping from student class to teacher class.

    Raises:
        ValueError: If no class is shared, or one class of the teacher serves two of the student.
    """

    def __init__(self, correspondence: Correspondence) -> None:
        if isinstance(correspondence, Mapping):
            pairs = [(int(s), int(t)) for s, t in sorted(correspondence.items())]
        else:
            pairs = [(s, t) for s, t in enumerate(correspondence) if t is not None]
        self.student_classes = [s for s, _ in pairs]
        self.teacher_classes = [t for _, t in pairs]
        if not pairs:
            raise ValueError("The class map shares no class between student and teacher.")
        self.num_student_classes = max(self.student_classes) + 1
        if min(self.student_classes + self.teacher_classes) < 0:
            raise ValueError("The class map has a negative class index.")
        if len(set(self.teacher_classes)) < len(pairs):
            raise ValueError("The class map gives one class of the teacher to two of the student.")

    def check(self, name: str, student_classes: int, teacher_classes: int) -> None:
        """Take note of the student's class count.

        Raises:
            ValueError: If an index lies outside the logits of either network.
        """
        for who, indices, count in (
            ("student", self.student_classes, student_classes),
            (f"teacher {name!r}", self.teacher_classes, teacher_classes),
        ):
            if max(indices) >= count:
                raise ValueError(
                    f"The class map of teacher {name!r} names class {max(indices)} of the {who}, "
                    f"which has {count} classes."
                )
        self.num_student_classes = student_classes

    @property
    def partial(self) -> bool:
        """Whether the teacher lacks a class of the student."""
        return len(self.student_classes) < self.num_student_classes

    def of_student(self, logits: Tensor) -> Tensor:
        """Return the student's logits (..., C_s) over the shared classes."""
        if not self.partial:
            return logits
        return logits[..., torch.tensor(self.student_classes, device=logits.device)]

    def scores(self, scores: Tensor) -> Tensor:
        """Return the teacher's scores (C_t,) over the student's classes (C_s,), summing to 1.

        Classes that the teacher lacks get 0.
        """
        shared = scores[self.teacher_classes]
        full = shared.new_zeros(self.num_student_classes)
        full[self.student_classes] = shared / shared.sum()
        return full

    def instances(self, found: Any) -> Any:
        """Return the instances that the teacher found of shared classes, labelled as the student's.

        Args:
            found: mmengine's ``InstanceData`` with the teacher's ``labels``.
        """
        classes = found.labels.new_full((max(self.teacher_classes) + 1,), -1)
        classes[self.teacher_classes] = classes.new_tensor(self.student_classes)
        found = found[found.labels < len(classes)]
        shared = found[classes[found.labels] >= 0]
        shared.labels = classes[shared.labels]
        return shared

    def of_teacher(self, logits: Tensor) -> Tensor:
        """Return the teacher's logits (..., C_t) over the shared classes."""
        return logits[..., torch.tensor(self.teacher_classes, device=logits.device)]
