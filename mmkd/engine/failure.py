"""Messages of failing commands: one block of text, from one of the processes."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from mmkd.engine.launch import ArgumentError
from mmkd.registry import unknown_type

TRACEBACK = "MMKD_TRACEBACK"
LINES = 10
# Errors whose text is written for users; the text of other errors needs their type to be
# understood.
IN_WORDS = (ArgumentError, ValueError, FileNotFoundError, ModuleNotFoundError)


class Failures:
    """Context in which an exception ends the command with a readable message and exit code 1.

    On each machine only the first process that fails prints the message; the others end silently.
    With ``MMKD_TRACEBACK=1`` exceptions are raised unchanged.

    Args:
        command: The name of the command, for the message.

    Attributes:
        folder: The work folder, once it is known. The traceback is written to ``traceback.txt`` in
            it, if the folder exists by then.
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
        """Write the traceback to the work folder, and return how to see it."""
        if isinstance(error, ArgumentError):  # a traceback would show nothing useful
            return ""
        if self.folder is None or not Path(self.folder).is_dir():
            return f"\n({TRACEBACK}=1 shows the traceback.)"
        path = Path(self.folder, "traceback.txt")
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return f"\n(The traceback is in {path}; {TRACEBACK}=1 shows it.)"


def words(error: Exception) -> str:
    """Return an exception's text, in at most ten lines."""
    error = unknown_type(error) or error
    text = str(error).strip()
    if not isinstance(error, IN_WORDS) and not type(error).__module__.startswith("mmkd."):
        text = f"{type(error).__name__}: {text}"
    lines = text.splitlines()
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"... and {len(lines) - LINES + 1} more lines"]
    return "\n".join(lines)


def _tells() -> bool:
    """Return whether this process is the first of its machine to fail, or the only one.

    torchrun gives each process a file for its error, in a common folder of the attempt; the first
    process that fails creates a marker there. Without torchrun only rank 0 prints the message.
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
