"""How a command ends that fails: one block of words, from one of its processes."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from mmkd.engine.launch import ArgumentError

TRACEBACK = "MMKD_TRACEBACK"
LINES = 10
# Errors whose text is written for users; that of others needs the type to be understood.
IN_WORDS = (ArgumentError, ValueError, FileNotFoundError, ModuleNotFoundError)


class Failures:
    """A context in which an exception ends the command in words.

    One process tells: the first that fails on a machine. The others end without a word. With
    ``MMKD_TRACEBACK=1`` exceptions pass as they are.

    Args:
        command: The name of the command, for the message.

    Attributes:
        folder: The work folder, once it is known. The traceback is written to ``traceback.txt`` in
            it, if it exists by then.
    """

    def __init__(self, command: str) -> None:
        self.command = command
        self.folder: str | None = None

    def __enter__(self) -> "Failures":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception) or os.environ.get(TRACEBACK) == "1":
            return
        if not _tells():
            sys.exit(1)
        sys.exit(f"{self.command}: {words(error)}{self._keep(error)}")

    def _keep(self, error: Exception) -> str:
        """Write the traceback to the work folder, and say how to see it."""
        if isinstance(error, ArgumentError):  # there is nothing to see in it
            return ""
        if self.folder is None or not Path(self.folder).is_dir():
            return f"\n({TRACEBACK}=1 shows the traceback.)"
        path = Path(self.folder, "traceback.txt")
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return f"\n(The traceback is in {path}; {TRACEBACK}=1 shows it.)"


def words(error: Exception) -> str:
    """Return an exception's text, in not more than ten lines."""
    text = str(error).strip()
    if not isinstance(error, IN_WORDS) and not type(error).__module__.startswith("mmkd."):
        text = f"{type(error).__name__}: {text}"
    lines = text.splitlines()
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"... and {len(lines) - LINES + 1} more lines"]
    return "\n".join(lines)


def _tells() -> bool:
    """Tell whether this process is the first of its machine to fail, or the only one.

    torchrun gives each process a file for its error, in a folder of the attempt. Elsewhere the
    first process of all tells.
    """
    place = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if place is None:
        rank = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or "0"
        return rank == "0"
    try:
        os.close(os.open(Path(place).parents[1] / "told", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
