"""Cells of the zoos' tables: their file, and their lines on a page."""

import json
from pathlib import Path

NO_OPERATOR = "implementation for device cpu not found"  # in the words of mmcv
Cells = dict[str, dict[str, str]]


def read_cells(path: Path) -> Cells:
    """Return the saved cells; none if there is no file yet."""
    cells: Cells = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return cells


def write_cells(path: Path, cells: Cells) -> None:
    """Save the cells, so that a stopped run can continue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cells, indent=1), encoding="utf-8")


def mark(outcome: str, notes: dict[str, int]) -> str:
    """Return the first word of an outcome, with the number of its note unless it passed.

    Args:
        outcome: The outcome, such as ``'pass'`` or ``'refused: <words>'``.
        notes: Numbers of the notes by outcome, to which new ones are added.
    """
    kind = outcome.partition(":")[0]
    if not outcome or kind == "pass":
        return kind
    return f"{kind} [{notes.setdefault(outcome, len(notes) + 1)}]"


def outcome(kind: str, error: Exception) -> str:
    """Return the outcome of a cell that ended with an error, with the error's first words.

    Args:
        kind: The outcome's first word; it becomes ``'stock'`` if mmcv lacks an operator for the
            device of this machine, which no code of ours can change.
        error: The error.
    """
    said = words(error)
    return f"{'stock' if NO_OPERATOR in said else kind}: {said}"


def words(error: Exception) -> str:
    """Return the first words of an error, in one line."""
    return " ".join(str(error).split())[:400]


def wrapped(text: str, width: int) -> list[str]:
    """Break a text without Markdown markup into the lines of a list item."""
    lines, line = [], ""
    for word in text.replace("<", "&lt;").replace("|", "\\|").replace("*", "\\*").split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = "  "
        line += word if not line.strip() else f" {word}"
    return [*lines, line]
