"""Connecting the features of a term, and fitting its loss to them, at build time."""

from collections.abc import Mapping
from typing import Any

from mmkd.connectors import connect
from mmkd.networks.taps import Taps, flat
from mmkd.terms.places import rows
from mmkd.terms.term import Shapes, Term

Config = dict[str, Any]
Shape = tuple[int, ...]


def connect_term(
    term: Term, connector: Config | None, student: Shapes, teachers: Mapping[str, Shapes]
) -> None:
    """Build a term's connectors and its loss's own parts, from the shapes that a dry run found.

    Args:
        term: The term.
        connector: Config of the connector, or ``None`` for one where the shapes need it.
        student: Shape at each of the student's taps.
        teachers: Shape at each tap of each teacher.

    Raises:
        ValueError: In words, if the features do not go together.
    """
    for teacher, taps in term.teachers.items():
        own = _tapped(term, "student", term.student, student)
        theirs = _tapped(term, teacher, taps, teachers[teacher])
        if connector is not None or getattr(term.loss, "same_shape", False):
            term.connectors[teacher] = connect(term.name, teacher, connector, own, theirs)
        if hasattr(term.loss, "adapt"):
            if len(term.teachers) > 1:
                raise ValueError(
                    f"{type(term.loss).__name__} of the term {term.name!r} has parts that fit "
                    "one teacher: write a term for each teacher."
                )
            term.loss.adapt([shape for _, shape in own], [shape for _, shape in theirs])
        compares_features = teacher in term.connectors or term.compares_logits(teacher)
        if term.locations and not compares_features and own[0][1][1] != theirs[0][1][1]:
            raise ValueError(
                f"At each place the student has {own[0][1][1]} numbers and the teacher "
                f"{teacher!r} has {theirs[0][1][1]}: the term {term.name!r} cannot compare "
                "them one by one."
            )


def _tapped(term: Term, network: str, taps: Taps, shapes: Shapes) -> list[tuple[str, Shape]]:
    """Return what is compared of a network, with its shapes: at places, rows of all levels."""
    if term.locations is not None:
        return [(str(flat(taps)[0]), rows(term, network, taps, shapes))]
    return [(str(tap), shapes[tap]) for tap in flat(taps)]
