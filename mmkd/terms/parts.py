"""Parts of networks that a term reads in addition to its taps."""

from collections.abc import Callable, Mapping
from typing import cast

from torch import Tensor, nn

from mmkd.contracts import AttachesNetworks, FollowsStages, MasksPatches
from mmkd.losses.fcfd.stages import Stages
from mmkd.networks.dry_run import Shapes
from mmkd.networks.masked_patches import MaskedPatches
from mmkd.networks.taps import Tap, flat
from mmkd.teachers import Teacher, TeacherHead
from mmkd.terms.draft import Draft
from mmkd.terms.networks import Networks

Head = Callable[[Tensor], Tensor]

LOGITS = "@logits"  # written in place of the modules that lead to the logits


def teacher_heads(
    draft: Draft,
    networks: Networks,
    connectors: Mapping[str, nn.Module],
    shapes: Mapping[str, Shapes],
) -> dict[str, Head]:
    """Return the heads that ``weigh_through`` of a term names, by teacher.

    Args:
        draft: The term.
        networks: The student and all teachers.
        connectors: The term's connectors by teacher.
        shapes: Shape at each tap of ``'student'`` and each teacher.

    Raises:
        ValueError: If a head cannot take the student's connected feature.
    """
    modules, heads = [*draft.settings.weigh_through], dict[str, Head]()
    for name, taps in draft.teachers.items() if modules else ():
        own, logits = draft.student, draft.logits[name]
        if isinstance(own, list) or isinstance(taps, list) or isinstance(logits, list):
            raise ValueError(
                f"The term {draft.name!r} weighs through one feature of each network: its taps "
                "cannot be lists."
            )
        if name not in connectors and shapes["student"][own] != shapes[name][taps]:
            raise ValueError(
                f"The term {draft.name!r} weighs through the teacher {name!r}, which cannot take "
                "the student's feature of another shape: give the term a `connector`."
            )
        teacher = networks.teachers[name]
        if modules == [LOGITS]:
            rest = Stages(f"the teacher {name!r}", teacher, networks.inputs, [taps], logits)
            heads[name] = rest.classify
        else:
            given = shapes[name]
            heads[name] = TeacherHead(name, teacher, modules, given[taps], given[logits])
    return heads


def lend_networks(draft: Draft, networks: Networks) -> None:
    """Pass the networks to a connected term's loss, if it reads more of them than features.

    Such a loss has a method ``attach(student, teacher)``, which takes classifiers or statistics, or
    a method ``follow(student, teacher)``, which takes :class:`mmkd.losses.fcfd.stages.Stages` and
    runs the networks on, or a method ``mask(patches)``, which takes the student's
    :class:`mmkd.networks.masked_patches.MaskedPatches` at the last of the term's taps.

    Args:
        draft: The term.
        networks: The networks, with the student in eval mode.

    Raises:
        ValueError: If a network lacks the parts that the loss reads, or cannot be run on.
    """
    traits, loss = draft.traits, draft.loss
    if traits.masks:
        last = flat(draft.student)[-1]
        patches = MaskedPatches.find(networks.student, networks.inputs, last)
        cast(MasksPatches, loss).mask(patches)
    if not traits.attaches and not traits.follows:
        return
    [name] = draft.teachers  # connect_draft has refused several teachers
    teacher = networks.teachers[name]
    if traits.attaches:
        logits = dict(student=draft.logits["student"], teacher=draft.logits[name])
        paths = {side: tap.path for side, tap in logits.items() if isinstance(tap, Tap)}
        cast(AttachesNetworks, loss).attach(networks.student, teacher, paths)
    if traits.follows:
        cast(FollowsStages, loss).follow(
            _stages(draft, "the student", "student", networks),
            _stages(draft, f"the teacher {name!r}", name, networks),
        )


def _stages(draft: Draft, title: str, name: str, networks: Networks) -> Stages:
    network: nn.Module | Teacher
    network = networks.student if name == "student" else networks.teachers[name]
    taps, logits = draft.sides[name], draft.logits[name]
    if isinstance(logits, list) or draft.locations is not None:
        raise ValueError(
            f"{type(draft.loss).__name__} of the term {draft.name!r} runs classifiers on, from "
            "their stages to one tensor of logits (N, K): it cannot be used on several levels or "
            "at locations."
        )
    if isinstance(network, Teacher) and network.class_map is not None:
        raise ValueError(
            f"There is a class_map of {title}. What it makes of the student's features is compared "
            "over its own classes: take a teacher with the student's classes."
        )
    return Stages(title, network, networks.inputs, flat(taps), logits)
