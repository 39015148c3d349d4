"""Progress bars."""

import io

import pytest
from rich.console import Console

from mmkd.compat.progress import track


def test_a_terminal_sees_words_and_the_time_that_is_left() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    assert [*track(range(3), "reading images", console=console)] == [0, 1, 2]
    written = console.file.getvalue()
    assert "reading images" in written
    assert "100%" in written
    assert "0:00:0" in written


def test_a_file_sees_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert [*track(iter("ab"), "reading", total=2)] == ["a", "b"]
    assert capfd.readouterr() == ("", "")


def test_the_loop_may_end_early() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    loop = track(range(9), "reading", console=console)
    assert next(loop) == 0
    loop.close()
    assert [*track(range(1), "again", console=console)] == [0]  # rich allows one live bar
