"""One line of the objective: taps, connector, loss, weights, schedule."""

import inspect
from collections.abc import ItemsView, Mapping, Sequence, ValuesView
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mmkd.locations import Locations, Selection
from mmkd.networks.taps import Tap, Taps, expanded, flat
from mmkd.registry import MODELS
from mmkd.schedule import Schedule
from mmkd.teachers import ClassMap, TeacherHead

Config = dict[str, Any]
Shapes = Mapping[Tap, tuple[int, ...]]
Features = Mapping[str, Mapping[Tap, Tensor]]


@dataclass
class TermOutput:
    """What a term computed in one step.

    Attributes:
        loss: Weighted loss, 0-dim, with its graph.
        weight: Product of sample and teacher weight, shape (K, N), where the term has either.
        logits: At the places that the term selects, over the shared classes, shape (N, C) by
            network, where the term has ``locations`` and reads logits.
        empty: Whether nothing was selected in this step, and the loss is 0.
    """

    loss: Tensor
    weight: Tensor | None
    logits: dict[str, Tensor] | None = None
    empty: bool = False


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
        weigh_through: Modules of a teacher that turn the feature at its tap into its logits, such
            as ``['neck', 'head.fc']``. The teacher weight then sees, in place of a teacher's own
            logits, those that its modules give for the student's connected feature.
        labels: Tap of the student where the labels of what is compared are, for networks that
            assign them while they train (``'roi_head.bbox_head.loss_cls:input[1]'`` of a two-stage
            detector). By default they are those of the data samples.
        locations: Config of :class:`mmkd.locations.Locations`, for outputs of detectors that are
            compared at places of which some are selected in each step. The taps may then be lists
            over levels.
        weight: Scalar weight of the term.
        schedule: Arguments of :class:`mmkd.schedule.Schedule`.

    Attributes:
        taps: What the term reads, by network: an ordered set of taps.
        heads: What ``weigh_through`` names, by teacher.
        weighs: Whether it weighs samples or teachers.
        reads_logits: Whether it reads logits besides its own taps, to weigh or to select.
        relational: Whether its loss compares relations between samples, as a whole or in part.
    """

    def __init__(
        self,
        name: str,
        student: Taps,
        teachers: dict[str, Taps],
        logits: dict[str, Taps],
        loss: Config,
        sample_weight: Config | None = None,
        teacher_weight: Config | None = None,
        weigh_through: Sequence[str] = (),
        labels: str | None = None,
        locations: Config | None = None,
        weight: float = 1.0,
        schedule: Config | None = None,
    ) -> None:
        super().__init__()
        self.name, self.weight = name, weight
        self.student, self.teachers, self.logits = student, teachers, logits
        # Without samples a detector computes no loss that would see them.
        self.labels = None if labels is None else replace(Tap.parse(labels), optional=True)
        self.locations: Locations | None = None if locations is None else MODELS.build(locations)
        self.schedule = None if schedule is None else Schedule(**schedule)
        self.loss = MODELS.build(loss)
        self._accepts = frozenset(inspect.signature(self.loss.forward).parameters)
        self.relational = "weight" not in self._accepts or getattr(self.loss, "relational", False)
        if weigh_through and teacher_weight is None:
            raise ValueError(
                f"The term {name!r} has `weigh_through` but no `teacher_weight` that it serves."
            )
        if teacher_weight is None and len(teachers) > 1 and not self.relational:
            teacher_weight = dict(type="mmkd.AverageTeachers")
        self.sample_weight = None if sample_weight is None else MODELS.build(sample_weight)
        self.teacher_weight = None if teacher_weight is None else MODELS.build(teacher_weight)
        self.weighs = self.sample_weight is not None or self.teacher_weight is not None
        self.reads_logits = self.weighs or bool(self.locations and self.locations.reads_logits)
        self.connectors = nn.ModuleDict()
        self.weigh_through, self.heads = weigh_through, dict[str, TeacherHead]()
        self.class_maps: dict[str, ClassMap] = {}
        self._collect_taps()

    def _collect_taps(self) -> None:
        self.taps = {}
        for network, own in {"student": self.student, **self.teachers}.items():
            logits = flat(self.logits[network]) if self.reads_logits else []
            extras = self.locations.taps(network) if self.locations else []
            self.taps[network] = dict.fromkeys([*flat(own), *logits, *extras])

    def expand(self, short: Mapping[str, Mapping[Tap, list[Tap]]]) -> None:
        """Write taps with ``[:]`` as those for which they are short, by network."""
        self.student = expanded(self.student, short["student"])
        self.teachers = {name: expanded(t, short[name]) for name, t in self.teachers.items()}
        self.logits = {name: expanded(taps, short[name]) for name, taps in self.logits.items()}
        self._collect_taps()

    @property
    def needs_labels(self) -> bool:
        """Whether the term cannot do without class indices.

        A loss that does not say so by ``needs_labels`` needs them if it takes them.
        """
        parts = self.sample_weight, self.teacher_weight, self.locations
        return any(getattr(part, "needs_labels", False) for part in parts) or bool(
            getattr(self.loss, "needs_labels", "labels" in self._accepts)
        )

    def compares_logits(self, teacher: str) -> bool:
        """Tell whether the loss is between the logits of the student and of a teacher."""
        own = self.student == self.logits["student"]
        return own and self.teachers[teacher] == self.logits[teacher]

    def forward(
        self, features: Features, labels: Tensor | None, data_samples: Any = None
    ) -> TermOutput:
        """Compute the term, without its scalar weight and schedule.

        Args:
            features: What the taps of each network caught; ``'student'`` and teacher names.
            labels: Class indices, shape (N,), or ``None`` where the batch has none.
            data_samples: The batch's data samples, for losses that take them.
        """
        if self.labels is not None:
            labels = features["student"].get(self.labels)
            if labels is None:
                labels = self._no_labels(features)
        arguments: Config = {}
        if "data_samples" in self._accepts:
            arguments["data_samples"] = data_samples
        selection = None
        if self.locations is not None:
            selection = self._select(self.locations, features, labels, data_samples)
            labels = selection.labels
            if not len(selection.rows["student"]):
                return TermOutput(self._nothing(features), None, empty=True)
            if selection.avg_factor is not None:
                arguments["avg_factor"] = selection.avg_factor
        if "labels" in self._accepts:
            arguments["labels"] = labels
        pairs, logits = dict[str, tuple[Any, Any]](), None
        for name, taps in self.teachers.items():
            student: Any
            teacher: Any
            if selection is None and isinstance(self.student, Tap) and isinstance(taps, Tap):
                student, teacher = features["student"][self.student], features[name][taps]
            else:
                student = self._read("student", self.student, features, selection)
                teacher = self._read(name, taps, features, selection)
            if selection is not None and self.compares_logits(name):
                logits = {"student": student, **(logits or {}), name: teacher}
            if name in self.class_maps and self.compares_logits(name):
                student = self.class_maps[name].of_student(student)
                teacher = self.class_maps[name].of_teacher(teacher)
            if name in self.connectors:
                student = self._connect(name, student, teacher)
            pairs[name] = student, teacher
        weights = self._weights(features, labels, selection, pairs) if self.weighs else None
        total = None
        for k, (student, teacher) in enumerate(pairs.values()):
            if weights is not None:
                arguments["weight"] = weights[k]
            loss = self.loss(student, teacher, **arguments)
            total = loss if total is None else total + loss
        assert total is not None
        if self.relational:
            total = total / len(self.teachers)
        return TermOutput(total, None if weights is None else weights.detach(), logits)

    def _no_labels(self, features: Features) -> Tensor:
        """Return the labels of a step in which the student has no sample to assign one to.

        Raises:
            RuntimeError: If it does have samples.
        """
        given = [features["student"][tap] for tap in flat(self.student)]
        if any(tensor.numel() for tensor in given):
            raise RuntimeError(
                f"The labels of the term {self.name!r}, '{self.labels}', have no tensor: their "
                "module did not run, though there were samples. Tap where the student assigns them."
            )
        return torch.zeros(0, dtype=torch.long, device=given[0].device)

    def _read(
        self, network: str, taps: Taps, features: Features, selection: Selection | None = None
    ) -> Any:
        """Return the list of what taps caught, or rows (R, D) where there are locations."""
        caught = [features[network][tap] for tap in flat(taps)]
        if self.locations is None:
            return caught
        logits = taps == self.logits[network]
        read = self.locations.logits if logits else self.locations.flatten
        rows = read(network, caught)
        return rows if selection is None else rows[selection.rows[network]]

    def _logits(self, network: str, features: Features, selection: Selection | None) -> Tensor:
        read = self._read(network, self.logits[network], features, selection)
        logits: Tensor = read if self.locations else read[0]
        return logits

    def _select(
        self, locations: Locations, features: Features, labels: Tensor | None, data_samples: Any
    ) -> Selection:
        logits = {}
        if locations.reads_logits:
            for name in ("student", *self.teachers):
                logits[name] = self._read(name, self.logits[name], features).detach()
                if name in self.class_maps:
                    logits[name] = self.class_maps[name].of_teacher(logits[name])
        student = self._read("student", self.student, features)
        return locations.select(student, logits, features, labels, data_samples)

    def _nothing(self, features: Features) -> Tensor:
        """Return 0 with a graph to all that takes part, so that DDP finds it used."""
        student: Tensor = self._read("student", self.student, features)
        return student.sum() * 0 + sum(part.sum() * 0 for part in self.parameters())

    def _connect(self, teacher: str, student: Any, features: Any) -> Any:
        if isinstance(student, Tensor):
            return self.connectors[teacher]([student], [features])[0]
        return self.connectors[teacher](student, features)

    def _weights(
        self,
        features: Features,
        labels: Tensor | None,
        selection: Selection | None,
        compared: Mapping[str, tuple[Any, Any]],
    ) -> Tensor:
        """Return sample weight times teacher weight, shape (K, N), from logits.

        Args:
            features: As in :meth:`forward`.
            labels: As in :meth:`forward`.
            selection: The places that are compared, where the term has locations.
            compared: The student's connected feature and the teacher's, by teacher.
        """
        own = self._logits("student", features, selection)
        students, teachers = [], []
        for name in self.teachers:
            logits = self._logits(name, features, selection)
            class_map = self.class_maps.get(name)
            students.append(class_map.of_student(own) if class_map else own)
            teachers.append(class_map.of_teacher(logits) if class_map else logits)
        weights: Tensor | None = None
        if self.sample_weight is not None:
            pairs = zip(students, teachers, strict=True)
            needs_labels = getattr(self.sample_weight, "needs_labels", False)
            given = {"labels": labels} if needs_labels else {}
            detach = getattr(self.sample_weight, "detach", True)
            with torch.set_grad_enabled(torch.is_grad_enabled() and not detach):
                weights = torch.stack([self.sample_weight(s, t, **given) for s, t in pairs])
        if self.teacher_weight is not None:
            with torch.no_grad():
                for k, (name, head) in enumerate(self.heads.items()):
                    seen, class_map = head(compared[name][0]), self.class_maps.get(name)
                    teachers[k] = class_map.of_teacher(seen) if class_map else seen
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
