"""Correspondence of classes between a student and a teacher with other classes."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Correspondence = Sequence[int | None] | Mapping[int, int]


@dataclass(frozen=True)
class ClassOutputs:
    """The classes that a network's logits stand for.

    Attributes:
        count: Number of classes, without background.
        background: Whether the last logit belongs to background, which is no class; ``None`` if the
            network does not say how many classes it has.
    """

    count: int
    background: bool | None = None

    @classmethod
    def of(cls, network: nn.Module, path: str, width: int) -> "ClassOutputs":
        """Read the classes from the head that computes the logits.

        Args:
            network: The network.
            path: Path of the module that gives the logits, such as ``'roi_head.bbox_head.fc_cls'``.
                The nearest module around it that has ``num_classes`` tells their meaning.
            width: Number of logits of a sample.

        Raises:
            ValueError: If the nearest head has another number of classes: then the tensor holds
                other things besides class logits, or no logits at all.
        """
        nearest = None
        while path:
            module = network.get_submodule(path)
            classes = getattr(module, "num_classes", None)
            if isinstance(classes, int) and width - classes in (0, 1):
                return cls(classes, background=width > classes)
            if nearest is None and isinstance(classes, int) and classes > 0:
                nearest = type(module).__name__, classes
            path = path.rpartition(".")[0]
        if nearest is not None:
            raise ValueError(
                f"There are {width} numbers for a sample, but {nearest[0]} has {nearest[1]} "
                "classes: boxes, objectness or other scores are among them, or these are no class "
                "logits. Tap what gives the class logits alone, or compare features, such as "
                "student='neck[:]', teacher='neck[:]'."
            )
        return cls(width)

    @property
    def width(self) -> int:
        """Number of logits of a sample."""
        return self.count + bool(self.background)

    def comparable(self, other: "ClassOutputs") -> bool:
        """Return whether the logits may stand for the same classes, one by one."""
        known = None not in (self.background, other.background)
        return self.width == other.width and not (known and self.background != other.background)

    def __str__(self) -> str:
        return f"{self.count} classes{' and background' if self.background else ''}"


class ClassMap:
    """Restriction of both networks' logits to their shared classes, in the student's order.

    Logits may have any shape (..., C). If both detectors have an output for background, the two
    outputs correspond without being named.

    Args:
        correspondence: Teacher class of each student class, as a sequence with ``None`` for classes
            that the teacher lacks, or as a mapping from student class to teacher class.
        teacher_count: Number of the teacher's classes, if it is known.

    Raises:
        ValueError: If no class is shared, or one class of the teacher corresponds to two of the
            student.
    """

    def __init__(self, correspondence: Correspondence, teacher_count: int | None = None) -> None:
        if isinstance(correspondence, Mapping):
            self._pairs = {int(s): int(t) for s, t in correspondence.items()}
            student_count = None
        else:
            self._pairs = {s: t for s, t in enumerate(correspondence) if t is not None}
            student_count = len(correspondence)
        self._counts = dict(student=student_count, teacher=teacher_count)
        if not self._pairs:
            raise ValueError("The class map shares no class between student and teacher.")
        if min(*self._pairs, *self._pairs.values()) < 0:
            raise ValueError("The class map has a negative class index.")
        if len(set(self._pairs.values())) < len(self._pairs):
            raise ValueError("The class map gives one class of the teacher to two of the student.")
        self._share(self._pairs, student_count or max(self._pairs) + 1)

    def _share(self, pairs: Mapping[int, int], num_student_classes: int) -> None:
        self.student_classes, self.teacher_classes = map(
            list, zip(*sorted(pairs.items()), strict=True)
        )
        self.num_student_classes = num_student_classes
        self._indices: dict[tuple[str, torch.device], Tensor] = {}

    def fit(self, name: str, student: ClassOutputs, teacher: ClassOutputs) -> "ClassMap":
        """Return the map between the logits of two heads, their backgrounds included.

        Args:
            name: The teacher's name, for errors.
            student: The classes of the student's logits.
            teacher: The classes of the teacher's logits.

        Raises:
            ValueError: If the map does not fit these classes.
        """
        for who, indices, outputs in (
            ("student", [*self._pairs], student),
            ("teacher", [*self._pairs.values()], teacher),
        ):
            count, owner = self._counts[who], who if who == "student" else f"teacher {name!r}"
            if max(indices) >= outputs.width:
                raise ValueError(
                    f"The class map of teacher {name!r} names class {max(indices)} of the {owner}, "
                    f"which has {outputs}."
                )
            if count not in (None, outputs.count, outputs.width):
                raise ValueError(
                    f"The class map of teacher {name!r} is one of {count} classes of the {owner}, "
                    f"which has {outputs}."
                )
        pairs = dict(self._pairs)
        if student.background and teacher.background:
            pairs.setdefault(student.count, teacher.count)
            given = {s for s, t in pairs.items() if (s == student.count) != (t == teacher.count)}
            if given:
                raise ValueError(
                    f"The class map of teacher {name!r} gives background to a class, or a class to "
                    f"background. That is class {student.count} of the student and "
                    f"{teacher.count} of the teacher, and need not be named."
                )
        fitted = copy(self)
        fitted._share(pairs, student.width)
        return fitted

    @property
    def partial(self) -> bool:
        """Whether the teacher lacks a class of the student."""
        return len(self.student_classes) < self.num_student_classes

    def of_student(self, logits: Tensor) -> Tensor:
        """Return the student's logits (..., C_s) over the shared classes."""
        if not self.partial:
            return logits
        return logits[..., self._index("student", logits.device)]

    def of_teacher(self, logits: Tensor) -> Tensor:
        """Return the teacher's logits (..., C_t) over the shared classes."""
        return logits[..., self._index("teacher", logits.device)]

    def _index(self, side: str, device: torch.device) -> Tensor:
        """Return the shared classes of a side on a device, where they are kept for later steps."""
        if (side, device) not in self._indices:
            classes = self.student_classes if side == "student" else self.teacher_classes
            self._indices[side, device] = torch.tensor(classes, device=device)
        return self._indices[side, device]

    def scores(self, scores: Tensor) -> Tensor:
        """Return the teacher's scores (C_t,) over the student's classes (C_s,), summing to 1.

        Classes that the teacher lacks get 0.
        """
        shared = scores[self.teacher_classes]
        full = shared.new_zeros(self.num_student_classes)
        full[self.student_classes] = shared / shared.sum()
        return full

    def instances(self, found: Any) -> Any:
        """Return the teacher's instances of shared classes, with the student's labels.

        Args:
            found: Predictions as mmengine's ``InstanceData``, with the teacher's ``labels``.
        """
        classes = found.labels.new_full((max(self.teacher_classes) + 1,), -1)
        classes[self.teacher_classes] = classes.new_tensor(self.student_classes)
        found = found[found.labels < len(classes)]
        shared = found[classes[found.labels] >= 0]
        shared.labels = classes[shared.labels]
        return shared

    def relabel_pixels(self, sample: Any) -> None:
        """Give each pixel of the teacher's prediction the likeliest of the student's classes.

        Args:
            sample: Prediction as mmseg's ``SegDataSample``, with the teacher's ``seg_logits``
                (C_t, H, W). The student's (C_s, H, W) take their place; classes that the teacher
                lacks get minus infinity.
        """
        logits = sample.seg_logits.data
        own = logits.new_full((self.num_student_classes, *logits.shape[1:]), float("-inf"))
        own[self.student_classes] = logits[self.teacher_classes]
        sample.seg_logits.data = own
        sample.pred_sem_seg.data = own.argmax(0, keepdim=True)
