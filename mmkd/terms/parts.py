"""Parts of networks that a term reads besides its taps."""

from collections.abc import Mapping

from torch import Tensor, nn

from mmkd.losses.fcfd.stages import Stages
from mmkd.networks.taps import flat
from mmkd.teachers import Teacher, TeacherHead
from mmkd.terms.term import Shapes, Term


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


def lend_networks(
    term: Term, student: nn.Module, teachers: Mapping[str, Teacher], inputs: Tensor
) -> None:
    """Show a connected term's loss the networks, if it reads more of them than features.

    Such a loss has a method ``attach(student, teacher)``, and takes classifiers or statistics, or
    ``follow(student, teacher)``, and runs their :class:`mmkd.losses.fcfd.stages.Stages` on.

    Args:
        term: The term.
        student: The student, in eval mode.
        teachers: All teachers by name.
        inputs: An example of the student's input, of which the shape is taken.

    Raises:
        ValueError: In words, if a network lacks what the loss reads or cannot be run on.
    """
    loss = term.loss
    if not hasattr(loss, "attach") and not hasattr(loss, "follow"):
        return
    [teacher] = term.teachers  # Term.connect has refused several
    if hasattr(loss, "attach"):
        loss.attach(student, teachers[teacher])
    if hasattr(loss, "follow"):
        loss.follow(
            _stages(term, "the student", "student", student, inputs),
            _stages(term, f"the teacher {teacher!r}", teacher, teachers[teacher], inputs),
        )


def _stages(
    term: Term, title: str, name: str, network: nn.Module | Teacher, inputs: Tensor
) -> Stages:
    taps, logits = term.student if name == "student" else term.teachers[name], term.logits[name]
    if isinstance(logits, list) or term.locations is not None:
        raise ValueError(
            f"{type(term.loss).__name__} of the term {term.name!r} runs classifiers on, from their "
            "stages to one tensor of logits (N, K): it cannot be used on several levels or at "
            "locations."
        )
    return Stages(title, network, inputs, flat(taps), logits)
