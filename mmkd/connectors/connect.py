"""Construction of connectors between features, from the shapes that a dry run saw."""

from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmkd.registry import MODELS

Config = dict[str, Any]
Shape = tuple[int, ...]
Tapped = Sequence[tuple[str, Shape]]  # A tap and the shape of its tensor.


class NoConnector(nn.Module):
    """Pass the student's feature unchanged, for a pair of equal shapes beside pairs that differ."""

    def forward(self, student: Any, teacher: Any) -> Any:
        return student


class PairConnectors(nn.ModuleList):
    """A connector for each pair of features."""

    def forward(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> list[Tensor]:
        pairs = zip(self, students, teachers, strict=True)
        return [connector(student, teacher) for connector, student, teacher in pairs]


def connect(
    term: str,
    teacher: str,
    config: Config | None,
    student: Tapped,
    theirs: Tapped,
) -> nn.Module | None:
    """Build the module that makes a term's student features comparable with a teacher's.

    Args:
        term: The term's name, for the log and for errors.
        teacher: The teacher's name.
        config: Config of the connector without shapes. ``None`` selects no connector if the shapes
            of a pair agree, a :class:`TokenConnector` if tokens meet a map or tokens of another
            grid, and otherwise a :class:`ProjectionConnector`. A connector class with a true
            attribute ``joint`` is built once, from ``student_shapes`` and ``teacher_shapes``, and
            takes both lists of features; any other class is built for each pair, from
            ``student_shape`` and ``teacher_shape``.
        student: Each tap of the student, with the shape of its tensor, (N, ...).
        theirs: Each tap of the teacher, with the shape of its tensor.

    Returns:
        A module that takes two lists, the features of the student and of the teacher, and returns
        the list of the student's features to compare; ``None`` if all shapes agree and no connector
        is named.

    Raises:
        ValueError: If the taps are no pairs, or the connector does not fit the shapes.
    """
    if config is not None and _is_joint(config):
        name = f"{term} -> {teacher}"
        shapes = [shape for _, shape in student], [shape for _, shape in theirs]
        connector = _build(
            name, {**config, "student_shapes": shapes[0], "teacher_shapes": shapes[1]}
        )
        print_log(f"Connector {name}: {connector}, {shapes[0]} -> {shapes[1]}", "current")
        return connector
    if len(student) != len(theirs):
        raise ValueError(
            f"The term {term!r} taps {len(student)} tensors of the student ({_names(student)}) and "
            f"{len(theirs)} of the teacher {teacher!r} ({_names(theirs)}): they must be pairs. "
            f"Name those that belong together, such as {_pairs(student, theirs)}."
        )
    if config is None and [shape for _, shape in student] == [shape for _, shape in theirs]:
        return None
    pairs = list(zip(student, theirs, strict=True))
    # The smallest maps of a small example may agree in size where those of a larger image do not.
    resizes = any(own[2:] != other[2:] for (_, own), (_, other) in pairs if len(own) == 4)
    return PairConnectors(
        NoConnector()
        if config is None and shape == teacher_shape and not (resizes and len(shape) == 4)
        else _connect_pair(f"{term}: {own} -> {teacher} {other}", config, shape, teacher_shape)
        for (own, shape), (other, teacher_shape) in pairs
    )


def _pairs(student: Tapped, theirs: Tapped) -> str:
    """Return settings of a term that name pairs: of maps of one size, else from the first on."""
    rest, pairs = list(theirs), []
    for tap, shape in student:
        fitting = [other for other in rest if len(shape) == 4 and other[1][2:] == shape[2:]]
        if fitting:
            rest.remove(fitting[0])
            pairs.append((tap, fitting[0][0]))
    pairs = pairs or [(own, other) for (own, _), (other, _) in zip(student, theirs, strict=False)]
    return " and ".join(
        f"{side}={[pair[index] for pair in pairs]}"
        for index, side in enumerate(("student", "teacher"))
    )


def _is_joint(config: Config) -> bool:
    kind: Any = MODELS.get(config["type"])
    return bool(kind is not None and getattr(kind, "joint", False))


def _names(tapped: Tapped) -> str:
    return ", ".join(name for name, _ in tapped)


def _connect_pair(name: str, config: Config | None, student: Shape, teacher: Shape) -> nn.Module:
    given = config or dict(type=f"mmkd.{_fitting(student, teacher)}")
    connector = _build(name, {**given, "student_shape": student, "teacher_shape": teacher})
    print_log(f"Connector {name}: {connector}, {student} -> {teacher}", "current")
    return connector


def _fitting(student: Shape, teacher: Shape) -> str:
    """Return the name of the connector that takes features of these shapes."""
    kinds = {len(student), len(teacher)}
    regrids = kinds == {3, 4} or (kinds == {3} and student[1] != teacher[1])
    return "TokenConnector" if regrids else "ProjectionConnector"


def _build(name: str, config: Config) -> nn.Module:
    try:
        connector: nn.Module = MODELS.build(config)
    except ValueError as error:
        raise ValueError(f"No connector for {name}: {error}") from error
    return connector
