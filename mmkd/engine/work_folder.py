"""Work folder of a run: its lock, and the checkpoints from which a run can resume."""

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"
POINTER = "last_checkpoint"
CHECKPOINT = re.compile(r"(epoch|iter)_(\d+)\.pth")


class WorkFolderError(RuntimeError):
    """Error for a run that cannot begin in its work folder."""


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Lock a work folder for this process.

    The lock is a kernel lock on the file ``.lock`` in the folder. The kernel releases it when the
    process ends, in whatever way.

    Raises:
        WorkFolderError: If another process holds the lock.
    """
    path = Path(folder, LOCK)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o666), "r+") as file:
        try:
            # The lock belongs to the process and not to the open file: data workers do not inherit
            # it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WorkFolderError(
                f"Another run works in {folder} ({file.read().strip() or 'not known which'}). Wait "
                "for its end, or choose another folder with --work-dir."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def checkpoints(folder: str | Path) -> list[Path]:
    """Return the checkpoints from which a run in a folder may resume, the newest first.

    The checkpoint that ``last_checkpoint`` names comes after those that were completed later and
    before all others, which are sorted from new to old. If the named file is missing, only the
    order from new to old counts.
    """
    pointed = _pointed(Path(folder))
    folders = {Path(folder)} | ({pointed.parent} if pointed else set())
    found = [p for f in folders for p in f.glob("*.pth") if CHECKPOINT.fullmatch(p.name)]
    found = sorted((p for p in found if p.is_file()), key=lambda p: (_age(p), _number(p)))[::-1]
    if pointed is None:
        return found
    later = [p for p in found if _age(p) > _age(pointed) and _number(p) > _number(pointed)]
    return [*later, pointed, *(p for p in found if p not in later and p != pointed)]


def check_fresh(folder: str | Path) -> None:
    """Refuse to start a new run in a folder with checkpoints.

    Raises:
        WorkFolderError: If there are checkpoints.
    """
    if there := checkpoints(folder):
        raise WorkFolderError(
            f"{folder} holds checkpoints of a run, the newest {there[0].name}. Go on with it by "
            "--resume, replace it by --overwrite, or choose another folder with --work-dir."
        )


def remove_links(folder: str | Path, *names: str) -> None:
    """Remove symbolic links in place of files, because MMEngine would write through them."""
    for name in names:
        path = Path(folder, name)
        if path.is_symlink():
            path.unlink()


def _pointed(folder: Path) -> Path | None:
    """Return the checkpoint that ``last_checkpoint`` names, in this folder if it was moved."""
    try:
        named = Path((folder / POINTER).read_text().strip())
    except (OSError, UnicodeDecodeError):
        return None
    for path in (folder / named.name, named):
        if CHECKPOINT.fullmatch(path.name) and path.is_file():
            return path
    return None


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _number(path: Path) -> int:
    match = CHECKPOINT.fullmatch(path.name)
    return int(match[2]) if match else 0
