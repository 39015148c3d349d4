"""Building the connector between two features whose shapes a dry run found."""

from typing import Any

from mmengine.logging import print_log
from torch import nn

from mmkd.connectors.projection import ProjectionConnector
from mmkd.registry import MODELS


class NoConnector(nn.Module):
    """Stands where the shapes agree: the student's feature passes unchanged."""

    def forward(self, student: Any, teacher: Any) -> Any:
        return student


def connect(
    name: str,
    config: dict[str, Any] | None,
    student_shape: tuple[int, ...],
    teacher_shape: tuple[int, ...],
) -> nn.Module:
    """Build the connector from a student's feature to a teacher's, and log the choice once.

    Args:
        name: Where it stands, for the log and for errors.
        config: Config of the connector without shapes, or ``None`` for a
            :class:`ProjectionConnector` if the shapes differ and none if they agree.
        student_shape: Shape of the student's feature, (N, ...).
        teacher_shape: Shape of the teacher's feature, (N, ...).
    """
    if config is None and student_shape == teacher_shape:
        return NoConnector()
    shapes = dict(student_shape=tuple(student_shape), teacher_shape=tuple(teacher_shape))
    try:
        connector: nn.Module = (
            ProjectionConnector(**shapes) if config is None else MODELS.build({**config, **shapes})
        )
    except ValueError as error:
        raise ValueError(f"No connector for {name}: {error}") from error
    print_log(f"Connector {name}: {connector}, {student_shape} -> {teacher_shape}", "current")
    return connector
