"""Checks of a checkpoint's file: its checksums, and the memory that it would take when loaded.

``torch.save`` writes zip archives whose entries have checksums, but ``torch.load`` does not verify
them.
"""

import hashlib
import pickletools
import zlib
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, is_zipfile

from mmkd.compat.files import checksum_file
from mmkd.compat.pickle_size import unpickled_size

CHUNK = 1 << 20
# Maximum growth of a file when it is loaded: torch stores tensors uncompressed, and log texts take
# some memory.
TIMES, SLACK = 8, 64 << 20
LEGACY_PICKLES = 4  # magic number, protocol, system, and the checkpoint itself


class CheckpointError(RuntimeError):
    """Error for a checkpoint that was not loaded."""


class BrokenCheckpointError(CheckpointError):
    """Error for a file that is no checkpoint, or is damaged."""


class SwellingCheckpointError(BrokenCheckpointError):
    """Error for a checkpoint that would grow to many times its size."""


def check_file(path: str | Path) -> None:
    """Check that a checkpoint is complete, unchanged since it was written, and of bounded growth.

    Args:
        path: The file. If there is a file ``<name>.sha256`` beside it, its checksum is compared.

    Raises:
        BrokenCheckpointError: If a checksum differs, or the archive is damaged.
        SwellingCheckpointError: If loading it would take many times its size.
    """
    path = Path(path)
    _check_sha256(path)
    limit = TIMES * path.stat().st_size + SLACK
    with open(path, "rb") as file:
        if is_zipfile(file):
            _check_zip(path, file, limit)
        else:
            _check_pickles(path, file, LEGACY_PICKLES, limit)


def check_pickle(path: str | Path) -> None:
    """Check that a plain pickle would not grow to many times its size.

    Raises:
        SwellingCheckpointError: If it would.
    """
    path = Path(path)
    with open(path, "rb") as file:
        _check_pickles(path, file, 1, TIMES * path.stat().st_size + SLACK)


def _check_sha256(path: Path) -> None:
    try:
        given = checksum_file(path).read_text().split()
    except (OSError, UnicodeDecodeError):
        return
    if not given or len(given[0]) != hashlib.sha256().digest_size * 2:
        return  # the checksum file was cut off while it was written
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != given[0]:
        raise BrokenCheckpointError(
            f"{path} is damaged or was replaced: its SHA-256 is {digest.hexdigest()}, and "
            f"{checksum_file(path).name} beside it says {given[0]}. Take another copy of it; if "
            "the new content is meant, delete that file."
        )


def _check_zip(path: Path, file: IO[bytes], limit: int) -> None:
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > limit:
                raise _swells(path)
            if (damaged := archive.testzip()) is not None:
                raise BrokenCheckpointError(
                    f"{path} is damaged: the checksum of its part {damaged} is wrong. Take another "
                    "copy of it."
                )
            for entry in entries:
                if entry.filename.endswith("data.pkl"):
                    with archive.open(entry) as part:
                        _check_pickles(path, part, 1, limit)
    except (
        BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        if isinstance(error, BrokenCheckpointError):
            raise
        raise BrokenCheckpointError(
            f"{path} is damaged: its archive cannot be read ({error}). Take another copy of it."
        ) from error


def _check_pickles(path: Path, file: IO[bytes], count: int, limit: int) -> None:
    for _ in range(count):
        try:
            size = unpickled_size(pickletools.genops(file), limit)
        except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError):
            return  # no pickle, or a damaged one; the loader reports that
        if size > limit:
            raise _swells(path)


def _swells(path: Path) -> SwellingCheckpointError:
    return SwellingCheckpointError(
        f"Refused to load {path}: its {path.stat().st_size:,} bytes would unfold to more than "
        f"{TIMES} times as many in memory, which no file that torch.save wrote does."
    )
