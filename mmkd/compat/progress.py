"""Progress bars of long loops on a terminal, with the remaining time."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from mmengine.dist import is_main_process
from rich import progress
from rich.console import Console

Item = TypeVar("Item")


def track(
    items: Iterable[Item], words: str, total: int | None = None, console: Console | None = None
) -> Iterator[Item]:
    """Yield items, and show a progress bar with the remaining time on a terminal.

    If the standard error stream is no terminal, nothing is written, so that logs of jobs stay
    plain. Only the main process of a run shows a bar. The bar disappears at the end.

    Args:
        items: The items.
        words: Description of the loop, such as ``"teacher 'resnet34'"``.
        total: Number of items, if ``items`` has no length.
        console: Console for the bar, by default the standard error stream.
    """
    console = console or Console(stderr=True)
    if not (console.is_terminal and is_main_process()):
        yield from items
        return
    yield from progress.track(items, words, total=total, console=console, transient=True)
