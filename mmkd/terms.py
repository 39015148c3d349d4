"""One line of the objective: taps, connector, loss, weights, schedule."""

import inspect
from collections.abc import ItemsView, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmkd.connectors import connect
from mmkd.registry import MODELS
from mmkd.schedule import Schedule
from mmkd.taps import Tap
from mmkd.teachers import ClassMap

Config = dict[str, Any]
Taps = Tap | list[Tap]
Shapes = Mapping[Tap, tuple[int, ...]]
Features = Mapping[str, Mapping[Tap, Tensor]]


def parse_taps(text: str | Sequence[str]) -> Taps:
    """Read one tap, or a list of them for losses over several layers."""
    return Tap.parse(text) if isinstance(text, str) else [Tap.parse(item) for item in text]


def flat(taps: Taps) -> list[Tap]:
    """Return the taps of one side as a list."""
    return [taps] if isinstance(taps, Tap) else taps


@dataclass
class TermOutput:
    """What a term computed in one step.

    Attributes:
        loss: Weighted loss, 0-dim, with its graph.
        weight: Product of sample and teacher weight, shape (K, N), where the term has either.
    """

    loss: Tensor
    weight: Tensor | None


class Term(nn.Module):
    """One line of the objective, ``weight * schedule * sum over teachers of loss``.

    Args:
        name: The term's name; its loss is logged as ``loss_<name>``.
        student: The student's tap or taps.
        teachers: The tap or taps of each teacher that takes part, by teacher name.
        logits: Tap of the logits, by network: ``'student'`` and the names of the teachers.
        loss: Config of the loss.
        sample_weight: Config of a sample weight, computed from the logits of student and teacher.
        teacher_weight: Config of a teacher weight. By default several teachers are averaged.
        labels: Tap of the student where the labels of what is compared are, for networks that
            assign them while they train (``'roi_head.bbox_head.loss_cls:input[1]'`` of a two-stage
            detector). By default they are those of the data samples.
        weight: Scalar weight of the term.
        schedule: Arguments of :class:`mmkd.schedule.Schedule`.

    Attributes:
        taps: What the term reads, by network: an ordered set of taps.
        weighs: Whether it weighs samples or teachers, and so reads logits besides its own taps.
        relational: Whether its loss compares relations between samples, which cannot be weighed.
    """

    def __init__(
        self,
        name: str,
        student: Taps,
        teachers: dict[str, Taps],
        logits: dict[str, Tap],
        loss: Config,
        sample_weight: Config | None = None,
        teacher_weight: Config | None = None,
        labels: str | None = None,
        weight: float = 1.0,
        schedule: Config | None = None,
    ) -> None:
        super().__init__()
        self.name, self.weight = name, weight
        self.student, self.teachers, self.logits = student, teachers, logits
        self.labels = None if labels is None else Tap.parse(labels)
        self.schedule = None if schedule is None else Schedule(**schedule)
        self.loss = MODELS.build(loss)
        self._accepts = frozenset(inspect.signature(self.loss.forward).parameters)
        self.relational = "weight" not in self._accepts or getattr(self.loss, "relational", False)
        if teacher_weight is None and len(teachers) > 1 and not self.relational:
            teacher_weight = dict(type="mmkd.AverageTeachers")
        self.sample_weight = None if sample_weight is None else MODELS.build(sample_weight)
        self.teacher_weight = None if teacher_weight is None else MODELS.build(teacher_weight)
        self.weighs = self.sample_weight is not None or self.teacher_weight is not None
        self.connectors = nn.ModuleDict()
        self.class_maps: dict[str, ClassMap] = {}
        if self.weighs and self.relational:
            raise ValueError(
                f"The term {name!r} has a sample or teacher weight, but {type(self.loss).__name__} "
                "has no loss of a single sample that it could weigh: it compares relations between "
                "samples. Remove the weight, or take a per-sample loss."
            )
        self.taps = {
            network: dict.fromkeys([*flat(own), *([logits[network]] if self.weighs else [])])
            for network, own in {"student": student, **teachers}.items()
        }

    @property
    def needs_labels(self) -> bool:
        """Whether the term cannot do without class indices.

        A loss that does not say so by ``needs_labels`` needs them if it takes them.
        """
        return bool(
            getattr(self.loss, "needs_labels", "labels" in self._accepts)
            or getattr(self.sample_weight, "needs_labels", False)
            or getattr(self.teacher_weight, "needs_labels", False)
        )

    def compares_logits(self, teacher: str) -> bool:
        """Tell whether the loss is between the logits of the student and of a teacher."""
        own = self.student == self.logits["student"]
        return own and self.teachers[teacher] == self.logits[teacher]

    def connect(
        self, connector: Config | None, student: Shapes, teachers: Mapping[str, Shapes]
    ) -> None:
        """Build the connectors, from the shapes that a dry run found.

        Args:
            connector: Config of the connector, or ``None`` for one where the shapes need it.
            student: Shape at each of the student's taps.
            teachers: Shape at each tap of each teacher.
        """
        if connector is None and not getattr(self.loss, "same_shape", False):
            return
        for teacher, taps in self.teachers.items():
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

    def forward(self, features: Features, labels: Tensor | None) -> TermOutput:
        """Compute the term, without its scalar weight and schedule.

        Args:
            features: What the taps of each network caught; ``'student'`` and teacher names.
            labels: Class indices, shape (N,), or ``None`` where the batch has none.
        """
        if self.labels is not None:
            labels = features["student"][self.labels]
        arguments: Config = dict(labels=labels) if "labels" in self._accepts else {}
        weights = self._weights(features, labels) if self.weighs else None
        total = None
        for k, (name, taps) in enumerate(self.teachers.items()):
            student: Any
            teacher: Any
            if isinstance(self.student, Tap) and isinstance(taps, Tap):
                student, teacher = features["student"][self.student], features[name][taps]
            else:
                student = [features["student"][tap] for tap in flat(self.student)]
                teacher = [features[name][tap] for tap in flat(taps)]
            if name in self.class_maps and self.compares_logits(name):
                student = self.class_maps[name].of_student(student)
                teacher = self.class_maps[name].of_teacher(teacher)
            if name in self.connectors:
                student = self._connect(name, student, teacher)
            if weights is not None:
                arguments["weight"] = weights[k]
            loss = self.loss(student, teacher, **arguments)
            total = loss if total is None else total + loss
        assert total is not None
        if self.relational:
            total = total / len(self.teachers)
        return TermOutput(total, weights)

    def _connect(self, teacher: str, student: Any, features: Any) -> Any:
        connectors = self.connectors[teacher]
        assert isinstance(connectors, nn.ModuleList)
        if isinstance(student, Tensor):
            return connectors[0](student, features)
        return [c(s, t) for c, s, t in zip(connectors, student, features, strict=True)]

    @torch.no_grad()
    def _weights(self, features: Features, labels: Tensor | None) -> Tensor:
        """Return sample weight times teacher weight, shape (K, N), from logits."""
        own, students, teachers = features["student"][self.logits["student"]], [], []
        for name in self.teachers:
            logits, class_map = features[name][self.logits[name]], self.class_maps.get(name)
            students.append(class_map.of_student(own) if class_map else own)
            teachers.append(class_map.of_teacher(logits) if class_map else logits)
        weights: Tensor | None = None
        if self.sample_weight is not None:
            pairs = zip(students, teachers, strict=True)
            weights = torch.stack([self.sample_weight(s, t) for s, t in pairs])
        if self.teacher_weight is not None:
            shares: Tensor = self.teacher_weight(students[0], teachers, labels=labels)
            weights = shares if weights is None else weights * shares
        assert weights is not None
        return weights


class Terms(nn.ModuleDict):
    """The terms by name."""

    if TYPE_CHECKING:

        def __getitem__(self, key: str) -> Term: ...
        def items(self) -> ItemsView[str, Term]: ...
        def values(self) -> ValuesView[Term]: ...
