"""Connections between the features of a term, built from the shapes of a dry run."""

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from mmkd.connectors import connect
from mmkd.contracts import AdaptsToShapes
from mmkd.networks.dry_run import Shapes
from mmkd.networks.taps import Taps, flat
from mmkd.registry import MODELS
from mmkd.terms.draft import Draft
from mmkd.terms.places import rows

Shape = tuple[int, ...]


def connect_draft(draft: Draft, shapes: Mapping[str, Shapes]) -> dict[str, nn.Module]:
    """Return a term's connectors by teacher, and fit the trainable parts of the loss.

    Args:
        draft: The term.
        shapes: Shape at each tap, by network.

    Raises:
        ValueError: If the features do not fit together.
    """
    traits, connectors = draft.traits, dict[str, nn.Module]()
    connector = draft.settings.connector
    student = _tapped(draft, "student", draft.student, shapes["student"])
    for name, taps in draft.teachers.items():
        teacher = _tapped(draft, name, taps, shapes[name])
        if draft.towers:
            own, theirs = (_towers(draft, each, shapes[each]) for each in ("student", name))
            made = connect(draft.name, name, connector, own, theirs)
            if made is not None:
                connectors[name] = made
        elif connector is not None or traits.same_shape:
            made = connect(draft.name, name, connector, student, teacher)
            if made is not None:
                connectors[name] = made
        if traits.adapts:
            if len(draft.teachers) > 1:
                raise ValueError(
                    f"{type(draft.loss).__name__} of the term {draft.name!r} has parts that fit "
                    "one teacher: write a term for each teacher."
                )
            loss = cast(AdaptsToShapes, draft.loss)
            loss.adapt([shape for _, shape in student], [shape for _, shape in teacher])
        compares_features = connector is not None or traits.same_shape
        widths = student[0][1][1], teacher[0][1][1]
        if draft.locations and not compares_features and not draft.compares_logits(name):
            _check_widths(draft.name, name, *widths)
    return connectors


def teacher_transforms(draft: Draft, shapes: Mapping[str, Shapes]) -> dict[str, nn.Module]:
    """Return the transforms of each teacher's features, by teacher, if the term has any.

    Args:
        draft: The term.
        shapes: Shape at each tap, by network.

    Raises:
        ValueError: If the term compares logits.
    """
    config, made = draft.settings.teacher_transform, dict[str, nn.Module]()
    if config is None:
        return made
    for name, taps in draft.teachers.items():
        if draft.compares_logits(name):
            raise ValueError(
                f"The term {draft.name!r} has a `teacher_transform`, which is for features, but it "
                "compares logits: give its loss `transforms`, or `teacher_transforms`."
            )
        tapped = _tapped(draft, name, taps, shapes[name])
        made[name] = Transforms(MODELS.build(dict(config, shape=shape)) for _, shape in tapped)
    return made


class Transforms(nn.ModuleList):
    """A transform for each feature of a teacher."""

    def forward(self, features: Any) -> Any:
        """Return a feature, or several in a list, each through its transform."""
        if isinstance(features, Tensor):
            return self[0](features)
        return [transform(feature) for transform, feature in zip(self, features, strict=True)]


def _check_widths(term: str, teacher: str, own: int, other: int) -> None:
    if own != other:
        raise ValueError(
            f"At each place the student has {own} numbers and the teacher {teacher!r} has {other}: "
            f"the term {term!r} cannot compare them one by one."
        )


def _towers(draft: Draft, network: str, shapes: Shapes) -> list[tuple[str, Shape]]:
    return [(str(tap), shapes[tap]) for tap in draft.towers[network]]


def _tapped(draft: Draft, network: str, taps: Taps, shapes: Shapes) -> list[tuple[str, Shape]]:
    """Return a network's compared taps with their shapes; with locations, rows of all levels."""
    if draft.locations is not None:
        return [(str(flat(taps)[0]), rows(draft, network, taps, shapes))]
    return [(str(tap), shapes[tap]) for tap in flat(taps)]
