"""Member of a cohort: a distiller whose teachers run once for all members."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from mmkd.distillers.distiller import Distiller
from mmkd.distillers.teaching import Teaches, Wanted
from mmkd.networks.taps import Tap
from mmkd.teachers import Teacher
from mmkd.typed import OrderedSet


class Lesson:
    """One pass of a teacher over a batch, which several students read.

    Args:
        teacher: The teacher.
        taps: Taps that any of the students reads.

    Raises:
        ValueError: If a tap lies in a RoI head, which runs on the RoIs of one student.
    """

    def __init__(self, teacher: Teacher, taps: Collection[Tap]) -> None:
        if teacher.manner.needs_rois(taps):
            raise ValueError(
                "A two-stage teacher classifies the RoIs of one student, so that the members of a "
                "cohort cannot share its pass. Compare features before the RoI head, such as "
                "student='neck[0]', teacher='neck[0]', or train each student by a config of its "
                "own."
            )
        self.teacher, self.taps = teacher, [*taps]
        # Members may choose different samples, so the teacher runs on all of them.
        self.mixes_samples = True
        self._batch: tuple[Tensor, dict[Tap, Tensor]] | None = None

    def __call__(
        self, inputs: Tensor, data_samples: Any, taps: Collection[Tap], rois: Sequence[Tensor] = ()
    ) -> dict[Tap, Tensor]:
        """Return the tensors at the taps. The teacher runs if the inputs are new."""
        if self._batch is None or self._batch[0] is not inputs:
            self._batch = inputs, self.teacher(inputs, data_samples, self.taps)
        return {tap: self._batch[1][tap] for tap in taps}

    def end(self) -> None:
        """Free the tensors of the batch."""
        self._batch = None


class Member(Distiller):
    """Distiller that reads its teachers' tensors from lessons, which it shares with others.

    Attributes:
        lessons: The lesson of each teacher, by its name; :meth:`share` sets it.
    """

    lessons: Mapping[str, Lesson]

    @classmethod
    def share(cls, members: Sequence["Member"]) -> list[Lesson]:
        """Make members with the same teachers share one pass of each, and return the lessons."""
        read: dict[Teacher, OrderedSet[Tap]] = {}
        for member in members:
            for name, term_taps in _taps(member):
                read.setdefault(member.teachers[name], {}).update(dict.fromkeys(term_taps))
        lessons = {teacher: Lesson(teacher, taps) for teacher, taps in read.items()}
        for member in members:
            taught = [name for name, teacher in member.teachers.items() if teacher in lessons]
            member.lessons = {name: lessons[member.teachers[name]] for name in taught}
        return [*lessons.values()]

    def _divide_teachers(self) -> None:
        """Do nothing: other members are built from the same teachers; the cohort divides them."""

    def replace_teachers(self, teachers: Mapping[str, Teacher]) -> None:
        super().replace_teachers(teachers)
        for name, lesson in self.lessons.items():
            lesson.teacher = teachers[name]

    def _taps_of(self, acting: Sequence[str]) -> Wanted:
        wanted = super()._taps_of(acting)
        taught: list[tuple[Teaches, list[str], list[Tap]]] = [
            (self.lessons[names[0]], names, taps) for _, names, taps in wanted.teachers
        ]
        return replace(wanted, teachers=taught)


def _taps(member: Member) -> list[tuple[str, Collection[Tap]]]:
    """Return the taps of a member's terms by the teacher's name."""
    read = [item for term in member.terms.values() for item in term.taps.items()]
    return [(name, taps) for name, taps in read if name in member.teachers]
