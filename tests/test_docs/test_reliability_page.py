"""The page on reliability names tests that there are."""

import re

from tool_runs import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()


def test_each_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:test_|attacks)[\w/]*(?:\.py)?)`", PAGE))
    assert len(named) > 30
    assert not [name for name in sorted(named) if not (ROOT / "tests" / name).exists()]


def test_no_case_is_left_out() -> None:
    """R16 to R18 are those of the teacher store."""
    cases = [int(number) for number in re.findall(r"^\| R(\d+) \|", PAGE, re.MULTILINE)]
    assert cases == [*range(1, 16), *range(19, 26)]
