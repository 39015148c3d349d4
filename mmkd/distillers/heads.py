"""Parts of networks that a term reads besides its taps."""

from collections.abc import Mapping

from torch import nn

from mmkd.teachers import Teacher, TeacherHead
from mmkd.terms import Shapes, Term


def take_heads(term: Term, teachers: Mapping[str, Teacher], shapes: Mapping[str, Shapes]) -> None:
    """Give a connected term the heads that its ``weigh_through`` names.

    Args:
        term: The term.
        teachers: All teachers by name.
        shapes: Shape at each tap of ``'student'`` and each teacher.

    Raises:
        ValueError: In words, if a head cannot take the student's connected feature.
    """
    if not term.weigh_through:
        return
    for name, taps in term.teachers.items():
        own, logits = term.student, term.logits[name]
        if isinstance(own, list) or isinstance(taps, list) or isinstance(logits, list):
            raise ValueError(
                f"The term {term.name!r} weighs through one feature of each network: its taps "
                "cannot be lists."
            )
        if name not in term.connectors and shapes["student"][own] != shapes[name][taps]:
            raise ValueError(
                f"The term {term.name!r} weighs through the teacher {name!r}, which cannot take "
                "the student's feature of another shape: give the term a `connector`."
            )
        term.heads[name] = TeacherHead(
            name, teachers[name], term.weigh_through, shapes[name][taps], shapes[name][logits]
        )


def lend_networks(term: Term, student: nn.Module, teachers: Mapping[str, Teacher]) -> None:
    """Show a connected term's loss the networks, if it reads more of them than features.

    Such a loss has a method ``attach(student, teacher)``, and takes classifiers or statistics.
    """
    if hasattr(term.loss, "attach"):
        [teacher] = term.teachers  # Term.connect has refused several
        term.loss.attach(student, teachers[teacher])
