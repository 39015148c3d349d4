"""Pages are easy to read as they are: lines of at most 100 columns, and no long commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs", "configs", "projects")
FOUND = [*ROOT.glob("*.md"), *(page for name in FOLDERS for page in ROOT.glob(f"{name}/**/*.md"))]
# The site's generated pages are copies of others, and those of an earlier build may be old.
PAGES = [page for page in FOUND if ROOT / "docs/generated" not in page.parents]
WIDTH, LINES = 100, 3
ADDRESS = re.compile(r"\]\([^)]*\)|https?://\S+")


def too_wide(text: str) -> Iterator[str]:
    """Yield lines that are too wide without the addresses of links; rows of tables may be so."""
    for line in text.splitlines():
        if not line.lstrip().startswith("|") and len(ADDRESS.sub("", line)) > WIDTH:
            yield line


def commands(text: str) -> Iterator[list[str]]:
    """Yield the lines of each command in the blocks of a page; a loop is one command."""
    for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL):
        lines: list[str] = []
        for line in block.splitlines():
            lines.append(line)
            begins = lines[0].startswith(("for ", "while "))
            if not line.endswith("\\") and (not begins or line.rstrip().endswith("done")):
                yield lines
                lines = []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_short_lines_and_short_commands(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [*too_wide(text)]
    long = [lines for lines in commands(text) if len(lines) > LINES]
    assert not long, "Put it into a script of tools/."


def test_what_is_too_long_is_found() -> None:
    wide = "x" * 101
    assert [*too_wide(f"{wide}\n| {wide} |\n[a]({wide}) b\n{'x' * 100}")] == [wide]
    loop = "for x in 1 2; do\n    run \\\n        $x\ndone"
    assert [len(lines) for lines in commands(f"```bash\na \\\n  b\nc\n{loop}\n```")] == [2, 1, 4]
