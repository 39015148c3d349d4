"""Progress of long loops on a terminal, with the time that is left."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from mmengine.dist import is_main_process
from rich import progress
from rich.console import Console

Item = TypeVar("Item")


def track(
    items: Iterable[Item], words: str, total: int | None = None, console: Console | None = None
) -> Iterator[Item]:
    """Yield items, with a bar and the time that is left if a person watches.

    Nothing is written where the standard error stream is no terminal, so that logs of jobs stay
    plain, nor in processes beside the main one. The bar disappears at the end.

    Args:
        items: The items.
        words: What is done with them, such as ``"teacher 'resnet34'"``.
        total: Number of items, if they do not know it themselves.
        console: Where the bar appears, by default the standard error stream.
    """
    console = console or Console(stderr=True)
    if not (console.is_terminal and is_main_process()):
        yield from items
        return
    yield from progress.track(items, words, total=total, console=console, transient=True)
