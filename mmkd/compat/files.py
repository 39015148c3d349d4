"""Atomic writing of files: written under a temporary name, flushed to the disk, and renamed.

MMEngine writes a checkpoint under its final name, so that a kill or a full disk leaves an
incomplete file. This module replaces MMEngine's local file backend by one that writes each file
completely or not at all.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

CHECKSUM = ".sha256"
WEIGHTS = ".pth"
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
LONGEST_NAME = 200  # bytes of a name that its temporary name repeats; file systems allow 255
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(OSError):
    """Error for a file that could not be written for lack of space."""


def write_file(path: str | Path, content: bytes, durable: bool = True) -> None:
    """Write a file completely or not at all.

    A symbolic link in its place is replaced, not followed.

    Args:
        path: The file. Its folder is created if necessary.
        content: Content of the file.
        durable: Whether to wait until the disk has stored the file, so that it survives a power
            cut.

    Raises:
        DiskFullError: If there is no space. The previous file is still there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name[:LONGEST_NAME]}.{secrets.token_hex(8)}.tmp")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(aside, flags, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(aside, path)
        if durable:
            _flush_folder(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno in FULL:
            raise _disk_full(path, len(content), error) from error
        raise
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_weights(path: str | Path, content: bytes) -> None:
    """Write a file of weights as a whole, and its SHA-256 beside it as ``sha256sum`` does."""
    path = Path(path)
    beside = checksum_file(path)
    # A kill between the two writes must not leave a checksum that does not fit the file.
    beside.unlink(missing_ok=True)
    write_file(path, content)
    line = f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
    write_file(beside, line.encode(), durable=False)


def checksum_file(path: Path) -> Path:
    """Return the path of the file with another file's SHA-256."""
    return path.with_name(path.name + CHECKSUM)


def remove_unfinished(folder: str | Path) -> list[Path]:
    """Remove files that a killed process left half written in a folder, and return their paths."""
    found = [path for path in Path(folder).glob(".*.tmp") if TEMPORARY.fullmatch(path.name)]
    for path in found:
        path.unlink(missing_ok=True)
    return found


class WholeFileBackend(LocalBackend):
    """MMEngine's local backend with files that are complete or absent."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        if _is_device(filepath):
            super().put(obj, filepath)
        elif str(filepath).endswith(WEIGHTS):
            write_weights(filepath, obj)
        else:
            write_file(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = "utf-8") -> None:
        self.put(obj.encode(encoding), filepath)

    def remove(self, filepath: str | Path) -> None:
        super().remove(filepath)
        checksum_file(Path(filepath)).unlink(missing_ok=True)


def write_whole_files() -> None:
    """Make MMEngine write checkpoints, and all other files of its backends, as a whole."""
    register_backend("local", WholeFileBackend, force=True, prefixes="")


def _is_device(path: str | Path) -> bool:
    """Return whether a path exists and is not a file, such as ``/dev/null`` or a pipe."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode))


def _flush_folder(folder: Path) -> None:
    """Wait until the disk has stored a folder's list of names."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(handle)


def _disk_full(path: Path, size: int, error: OSError) -> DiskFullError:
    free = shutil.disk_usage(path.parent).free
    return DiskFullError(
        error.errno,
        f"There is no space for {path.name}: it needs {size:,} bytes, and {free:,} are free. What "
        "was complete before is still there. Free some space or quota, and go on with --resume",
        str(path.parent),
    )
