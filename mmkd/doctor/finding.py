"""Finding of a check."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """Severity of a finding. Only ``BROKEN`` makes the doctor's exit code 1."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: Severity of the finding.
        text: Description of the finding.
        remedy: The exact shell command that repairs it, if there is something to repair.
    """

    level: Level
    text: str
    remedy: str | None = None
