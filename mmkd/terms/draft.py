"""Term while it is being built: its parts, and the taps that it reads of each network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from mmkd.contracts import Traits, traits_of, traits_of_loss
from mmkd.locations import Locations
from mmkd.networks.taps import Tap, Taps, expanded, flat, parse_taps
from mmkd.registry import MODELS
from mmkd.schedule import Schedule
from mmkd.teachers import ClassMap
from mmkd.terms.settings import TermSettings, read_schedule
from mmkd.terms.shared import with_references

LogitTexts = str | Sequence[str] | Mapping[str, str | Sequence[str]]


@dataclass
class Draft:
    """Parts and taps of a term before the dry run.

    Attributes:
        name: The term's name.
        settings: The term's settings.
        loss: The term's loss.
        sample_weight: The term's sample weight.
        teacher_weight: The term's teacher weight.
        locations: The term's selection of places.
        select: The term's choice of samples.
        student: The student's tap or taps.
        teachers: The tap or taps of each teacher that takes part, by name.
        logits: Taps of the logits, by ``'student'`` and the names of all teachers.
        labels: Tap at which the student assigns labels.
        student_gives: Taps of tensors that the student passes to a teacher: the RoIs of a detector.
        towers: Taps of the features in dense heads from which a teacher's head is run on, by
            network, one for each level.
        class_maps: Correspondence of classes, by teacher.
    """

    name: str
    settings: TermSettings
    loss: nn.Module
    sample_weight: nn.Module | None
    teacher_weight: nn.Module | None
    locations: Locations | None
    select: nn.Module | None
    student: Taps
    teachers: dict[str, Taps]
    logits: dict[str, Taps]
    labels: Tap | None
    student_gives: list[Tap] = field(default_factory=list)
    towers: dict[str, list[Tap]] = field(default_factory=dict)
    class_maps: dict[str, ClassMap] = field(default_factory=dict)

    @property
    def traits(self) -> Traits:
        """Declarations of the loss."""
        return traits_of_loss(self.loss)

    @property
    def schedule(self) -> Schedule | None:
        """Schedule by which the term acts."""
        return read_schedule(self.settings.schedule, f"term {self.name!r}")

    @property
    def weighs(self) -> bool:
        """Whether the term weighs samples or teachers."""
        return self.sample_weight is not None or self.teacher_weight is not None

    @property
    def losses_weigh(self) -> bool:
        """Whether the teacher weight is computed from the teachers' losses, not their logits."""
        return self.teacher_weight is not None and traits_of(self.teacher_weight).reads_losses

    @property
    def logits_weigh(self) -> bool:
        """Whether a sample weight or a teacher weight is computed from logits."""
        by_teacher = self.teacher_weight is not None and not self.losses_weigh
        return self.sample_weight is not None or by_teacher

    @property
    def reads_logits(self) -> bool:
        """Whether the term reads the logits of all networks, to weigh or to select."""
        if self.select is not None and traits_of(self.select).reads_teacher:
            return True
        return self.logits_weigh or bool(self.locations and self.locations.reads_logits)

    def reads_logits_of(self, network: str) -> bool:
        """Return whether the term reads a network's logits besides its compared taps."""
        return self.reads_logits or (self.select is not None and network == "student")

    @property
    def needs_labels(self) -> bool:
        """Whether the term needs class indices."""
        weights = [part for part in (self.sample_weight, self.teacher_weight) if part is not None]
        return (
            self.traits.needs_labels
            or any(traits_of(part).needs_labels for part in weights)
            or bool(self.locations and self.locations.needs_labels)
        )

    @property
    def sides(self) -> dict[str, Taps]:
        """The taps that are compared, by ``'student'`` and the names of the teachers."""
        return {"student": self.student, **self.teachers}

    def compares_logits(self, teacher: str) -> bool:
        """Return whether the loss compares the logits of the student and of a teacher."""
        own = self.student == self.logits["student"]
        return own and self.teachers[teacher] == self.logits[teacher]

    def reads(self) -> dict[str, list[Tap]]:
        """Return all taps that a dry run can catch, by network."""
        wanted = {}
        for network, taps in self.sides.items():
            logits = flat(self.logits[network]) if self.reads_logits_of(network) else []
            extras = self.locations.taps(network) if self.locations else []
            wanted[network] = [*flat(taps), *logits, *extras, *self.towers.get(network, [])]
        wanted["student"] += self.student_gives
        return {network: [*dict.fromkeys(taps)] for network, taps in wanted.items()}

    def wanted(self) -> dict[str, list[Tap]]:
        """Return all taps of a training step, by network: the taps of a dry run, and the labels."""
        wanted = self.reads()
        if self.labels is not None:  # a dry run has no labels
            wanted["student"].append(self.labels)
        return wanted

    def expand(self, short: Mapping[str, Mapping[Tap, Taps]]) -> None:
        """Replace short taps, such as roles and those with ``[:]``, by the full taps."""
        self.student = expanded(self.student, short["student"])
        self.teachers = {name: expanded(t, short[name]) for name, t in self.teachers.items()}
        self.logits = {n: expanded(taps, short[n]) for n, taps in self.logits.items()}
        if self.locations is not None:
            self.locations.expand(short)


def draft_terms(
    terms: Mapping[str, Mapping[str, Any]], logits: dict[str, Taps], shared: nn.ModuleDict
) -> list[Draft]:
    """Read the terms' settings and build their parts. A term of weight 0 is left out.

    Args:
        terms: Settings of each term, by name.
        logits: Taps of the logits, by ``'student'`` and the names of the teachers.
        shared: Modules that several terms use.

    Raises:
        ValueError: If settings are wrong.
    """
    drafts = []
    for name, config in terms.items():
        if "." in name or hasattr(nn.ModuleDict, name):
            raise ValueError(f"A term cannot be called {name!r}: choose another name.")
        settings = TermSettings.read(name, config)
        if settings.weight != 0:
            drafts.append(_draft(name, settings, logits, shared))
    return drafts


def _draft(
    name: str, settings: TermSettings, logits: dict[str, Taps], shared: nn.ModuleDict
) -> Draft:
    read = logits if settings.logits is None else logit_taps(settings.logits, [*logits])
    teachers = _teacher_taps(name, settings.teacher, read)
    loss = _build(with_references(settings.loss, shared))
    relational = traits_of_loss(loss).relational
    teacher_weight = settings.teacher_weight
    if teacher_weight is None and len(teachers) > 1 and not relational:
        teacher_weight = dict(type="mmkd.AverageTeachers")
    return Draft(
        name=name,
        settings=settings,
        loss=loss,
        sample_weight=None if settings.sample_weight is None else _build(settings.sample_weight),
        teacher_weight=None if teacher_weight is None else _build(teacher_weight),
        locations=None if settings.locations is None else MODELS.build(settings.locations),
        select=None if settings.select is None else _build(settings.select),
        student=read["student"] if settings.student is None else parse_taps(settings.student),
        teachers=teachers,
        logits=dict(read),
        # Without samples a detector computes no loss, so that the tap may have no tensor.
        labels=None if not settings.labels else replace(Tap.parse(settings.labels), optional=True),
    )


def _build(part: dict[str, Any] | nn.Module) -> nn.Module:
    built: nn.Module = part if isinstance(part, nn.Module) else MODELS.build(part)
    return built


def logit_taps(logits: LogitTexts, names: Sequence[str]) -> dict[str, Taps]:
    """Return the tap of each network's logits, or its taps by level.

    Args:
        logits: One notation for all networks, or a dict from their names.
        names: The names of all networks.
    """
    by_name = dict(logits) if isinstance(logits, Mapping) else dict.fromkeys(names, logits)
    if set(by_name) != set(names):
        raise ValueError(
            f"`logits` names {', '.join(by_name)}; it needs a tap for each of {', '.join(names)}."
        )
    return {name: parse_taps(text) for name, text in by_name.items()}


def _teacher_taps(term: str, taps: Any, logits: dict[str, Taps]) -> dict[str, Taps]:
    """Return a term's taps by teacher: of all teachers, unless the term names some."""
    teachers = {name: tap for name, tap in logits.items() if name != "student"}
    if taps is None:
        return dict(teachers)
    if not isinstance(taps, Mapping):
        return {name: parse_taps(taps) for name in teachers}
    if unknown := set(taps) - set(teachers):
        raise ValueError(
            f"The term {term!r} taps teachers that do not exist: {', '.join(unknown)}. There are "
            f"{', '.join(teachers)}."
        )
    return {name: parse_taps(text) for name, text in taps.items()}
