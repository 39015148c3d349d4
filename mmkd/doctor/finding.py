"""What a check finds."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is. Only ``BROKEN`` makes the doctor's exit code 1."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        level: How bad it is.
        text: What was found, in words.
        remedy: The exact shell command that mends it, if there is something to mend.
    """

    level: Level
    text: str
    remedy: str | None = None
