"""Text and tables of a Markdown page."""

import re
import textwrap
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def filled(text: str) -> str:
    """Return a text in lines of at most 100 columns."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def from_docstring(text: str) -> str:
    """Return text of a docstring as Markdown on one line."""
    text = re.sub(r":math:`([^`]+)`", lambda found: _formula(found[1]), " ".join(text.split()))
    text = re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


def _formula(formula: str) -> str:
    # A bar would end the cell of a table.
    formula = formula.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return f"$`{formula}`$"


def link(text: str, target: str | None) -> str:
    return f"[{text}]({target})" if target else text
