"""Sources of published weights besides their address: local copies, and mirrors.

The environment variable ``MMKD_WEIGHTS`` names a folder, or several as in ``PATH``. A file there
with the name of a published file is used instead of a download. A folder may also contain
``mirrors.json``, which lists by file name further addresses and the SHA-256 that a download must
have::

    {"resnet34_8xb32_in1k_20210831-f257d4e6.pth": {"sha256": "...", "urls": ["https://..."]}}

Weights of small networks ship with mmkd. If an address ends with the name of such a file, nothing
is downloaded. ``mmkd://weights/<file>`` is the address of a shipped file.

This module imports only the standard library, because the doctor uses it.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from mmkd.compat.shipped import shipped

VARIABLE = "MMKD_WEIGHTS"
SHIPPED = "mmkd://weights/"
MIRRORS = "mirrors.json"
SECONDS = 10
GONE = (404, 410)


class SourceError(OSError):
    """Error for weights that no source has, or a list of mirrors that cannot be read."""


@dataclass(frozen=True)
class Mirror:
    """Entry of ``mirrors.json``.

    Attributes:
        sha256: SHA-256 of the file.
        urls: Addresses of the file, in the order in which they are tried.
    """

    sha256: str
    urls: Sequence[str]


def file_name(address: str) -> str:
    """Return the name of the file at an address."""
    return os.path.basename(urlparse(address).path)


def folders() -> list[Path]:
    """Return the folders of ``MMKD_WEIGHTS``."""
    names = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [Path(name).expanduser() for name in names if name]


def local_copy(address: str) -> Path | None:
    """Return the local copy of a published file, or ``None`` if there is none."""
    found = (folder / file_name(address) for folder in [*folders(), shipped("weights")])
    return next((path for path in found if path.is_file()), None)


def mirror_of(address: str) -> Mirror | None:
    """Return the mirrors of a published file, or ``None`` if none are listed.

    Raises:
        SourceError: If a list cannot be read, or an entry of it is incomplete.
    """
    for folder in folders():
        path = folder / MIRRORS
        if not path.is_file():
            continue
        try:
            entry = json.loads(path.read_text(encoding="utf-8")).get(file_name(address))
            if entry is not None:
                return Mirror(entry["sha256"], entry["urls"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(
                f'{path} cannot be read ({error}): it has to be {{"<file>": {{"sha256": "...", '
                f'"urls": ["..."]}}}}.'
            ) from error
    return None


def addresses(address: str) -> Iterator[str]:
    """Yield the addresses of a published file: its own, then those of its mirrors."""
    yield address
    mirror = mirror_of(address)
    if mirror is not None:
        yield from mirror.urls


def unreachable(address: str) -> str | None:
    """Return why an address cannot be reached, or ``None`` if it can."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        # Some hosts answer only requests for a whole download.
        return f"the host says {error.code} {error.reason}" if error.code in GONE else None
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))
