"""One line of the objective: taps, connector, loss, weights, schedule."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.connectors import connect
from mmkd.registry import MODELS
from mmkd.schedule import Schedule
from mmkd.taps import Tap

Config = dict[str, Any]
Taps = Tap | list[Tap]
Shapes = Mapping[Tap, tuple[int, ...]]


def parse_taps(text: str | Sequence[str]) -> Taps:
    """Read one tap, or a list of them for losses over several layers."""
    return Tap.parse(text) if isinstance(text, str) else [Tap.parse(item) for item in text]


def flat(taps: Taps) -> list[Tap]:
    """Return the taps of one side as a list."""
    return [taps] if isinstance(taps, Tap) else taps


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value)


@dataclass
class TermOutput:
    """What a term computed in one step.

    Attributes:
        loss: Weighted loss, 0-dim, with its graph.
        weight: Product of sample and teacher weight, shape (K, N), where the term has either.
        student: What the term read of the student.
    """

    loss: Tensor
    weight: Tensor | None
    student: list[Tensor]


@dataclass
class Inputs:
    """What one term reads in one step: for each tap a tensor, for a list of taps a list.

    Attributes:
        student: At the term's student taps.
        teachers: At the term's teacher taps, by teacher.
        student_logits: By teacher, (N, C), over the classes shared with it. Empty without weights.
        teacher_logits: By teacher, (N, C), likewise.
        labels: Class indices (N,), or ``None`` where the batch has none.
    """

    student: dict[str, Any]
    teachers: dict[str, Any]
    student_logits: dict[str, Tensor]
    teacher_logits: dict[str, Tensor]
    labels: Tensor | None


class Term(nn.Module):
    """One line of the objective, ``weight * schedule * sum over teachers of loss``.

    Args:
        name: The term's name; its loss is logged as ``loss_<name>``.
        student: The student's tap or taps.
        teachers: The tap or taps of each teacher that takes part, by teacher name.
        loss: Config of the loss.
        sample_weight: Config of a sample weight, computed from the logits of student and teacher.
        teacher_weight: Config of a teacher weight. By default several teachers are averaged.
        weight: Scalar weight of the term.
        schedule: Arguments of :class:`mmkd.schedule.Schedule`.
    """

    def __init__(
        self,
        name: str,
        student: Taps,
        teachers: dict[str, Taps],
        loss: Config,
        sample_weight: Config | None = None,
        teacher_weight: Config | None = None,
        weight: float = 1.0,
        schedule: Config | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.student = student
        self.teachers = teachers
        self.weight = weight
        self.schedule = Schedule(**(schedule or {}))
        self.loss = MODELS.build(loss)
        if teacher_weight is None and len(teachers) > 1:
            teacher_weight = dict(type="mmkd.AverageTeachers")
        self.sample_weight = None if sample_weight is None else MODELS.build(sample_weight)
        self.teacher_weight = None if teacher_weight is None else MODELS.build(teacher_weight)
        self.connectors = nn.ModuleDict()
        self._accepts = frozenset(inspect.signature(self.loss.forward).parameters)
        if self.needs_logits and "weight" not in self._accepts:
            raise ValueError(
                f"The term {name!r} has a sample or teacher weight, but {type(self.loss).__name__} "
                "has no loss of a single sample that it could weigh: it compares relations between "
                "samples. Remove the weight, or take a per-sample loss."
            )

    @property
    def needs_logits(self) -> bool:
        """Whether the term weighs its samples, and so reads logits besides its own taps."""
        return self.sample_weight is not None or self.teacher_weight is not None

    @property
    def needs_labels(self) -> bool:
        """Whether the term cannot do without class indices."""
        return any(
            getattr(part, "needs_labels", False)
            for part in (self.loss, self.sample_weight, self.teacher_weight)
        )

    def taps(self, network: str) -> Taps:
        """Return the taps of the student or of a teacher."""
        return self.student if network == "student" else self.teachers[network]

    def factor(self) -> float:
        """Return the term's scalar weight at this point of training."""
        return self.weight * self.schedule.now()

    def connect(
        self, connector: Config | None, student: Shapes, teachers: Mapping[str, Shapes]
    ) -> None:
        """Build the connectors, from the shapes that a dry run found.

        Args:
            connector: Config of the connector, or ``None`` for one where the shapes need it.
            student: Shape at each of the student's taps.
            teachers: Shape at each tap of each teacher.
        """
        needed = connector is not None or getattr(self.loss, "same_shape", False)
        for teacher, taps in self.teachers.items() if needed else ():
            own, theirs = flat(self.student), flat(taps)
            if len(own) != len(theirs):
                raise ValueError(
                    f"The term {self.name!r} taps {len(own)} tensors of the student and "
                    f"{len(theirs)} of the teacher {teacher!r}: they must be pairs."
                )
            shapes = teachers[teacher]
            self.connectors[teacher] = nn.ModuleList(
                connect(f"{self.name}: {s} -> {teacher} {t}", connector, student[s], shapes[t])
                for s, t in zip(own, theirs, strict=True)
            )

    def forward(self, inputs: Inputs) -> TermOutput:
        """Compute the term from what its taps caught, without its scalar weight."""
        weights = self._weights(inputs)
        losses = []
        for k, (teacher, features) in enumerate(inputs.teachers.items()):
            arguments: Config = {}
            if weights is not None:
                arguments["weight"] = weights[k]
            if "labels" in self._accepts:
                arguments["labels"] = inputs.labels
            student = self._connected(teacher, inputs.student[teacher], features)
            losses.append(self.loss(student, features, **arguments))
        read = [tensor for value in inputs.student.values() for tensor in _tensors(value)]
        return TermOutput(sum(losses[1:], start=losses[0]), weights, read)

    def _connected(self, teacher: str, student: Any, features: Any) -> Any:
        if teacher not in self.connectors:
            return student
        connectors = self.connectors[teacher]
        assert isinstance(connectors, nn.ModuleList)
        if isinstance(student, Tensor):
            return connectors[0](student, features)
        return [c(s, t) for c, s, t in zip(connectors, student, features, strict=True)]

    @torch.no_grad()
    def _weights(self, inputs: Inputs) -> Tensor | None:
        """Return sample weight times teacher weight, shape (K, N), or ``None`` without either."""
        students = [inputs.student_logits[teacher] for teacher in inputs.student_logits]
        teachers = list(inputs.teacher_logits.values())
        weights = None
        if self.sample_weight is not None:
            pairs = zip(students, teachers, strict=True)
            weights = torch.stack([self.sample_weight(s, t) for s, t in pairs])
        if self.teacher_weight is not None:
            shares = self.teacher_weight(students[0], teachers, labels=inputs.labels)
            weights = shares if weights is None else weights * shares
        return weights
