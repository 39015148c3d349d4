"""Download CINIC-10 or Tiny-ImageNet, check it, and put its folders where configs expect them.

An interrupted download continues when the same command runs again. The data set's folder is created
only after everything is downloaded, checked and unpacked.

Examples:
  python tools/dataset_tools/download_dataset.py cinic10
  python tools/dataset_tools/download_dataset.py tiny_imagenet /data/tiny-imagenet-200
"""

import hashlib
import sys
import tarfile
import tempfile
import time
import zipfile
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

TOOL = "tools/dataset_tools/download_dataset.py"
BLOCK = 1 << 20
REPORT_EVERY = 50 * BLOCK
TIMEOUT = 60


class DownloadError(Exception):
    """Error with a message for the user."""


@dataclass(frozen=True)
class Source:
    """Source of a data set.

    Attributes:
        url: Address of the archive.
        md5: Checksum of the archive. The authors publish none; public loaders of the data set agree
            on this one, such as ContinualAI's Avalanche for Tiny-ImageNet.
        folder: The data_root in the base configs.
        contents: Files and folders that identify the data set.
    """

    url: str
    md5: str
    folder: str
    contents: tuple[str, ...]


SOURCES = {
    "cinic10": Source(
        "https://datashare.ed.ac.uk/bitstream/handle/10283/3192/CINIC-10.tar.gz",
        "6ee4d0c996905fe93221de577967a372",
        "data/cinic10",
        ("train", "valid", "test"),
    ),
    "tiny_imagenet": Source(
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        "90528d7ca1a48142e341f4ef8d21d0de",
        "data/tiny-imagenet-200",
        ("train", "val", "wnids.txt", "words.txt"),
    ),
}


def parse_arguments() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SOURCES)
    folders = " or ".join(source.folder for source in SOURCES.values())
    parser.add_argument("dest", type=Path, nargs="?", help=f"folder to make, by default {folders}")
    parser.add_argument(
        "--url",
        help="another place of the same archive: a mirror, or file:///... for one that is here",
    )
    parser.add_argument(
        "--keep-archive", action="store_true", help="leave the archive beside the folder"
    )
    return parser.parse_args()


def fetch(url: str, part: Path) -> None:
    """Download a URL to a file, continuing after the file's content if the server can."""
    have = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(request, timeout=TIMEOUT) as response:
            goes_on = getattr(response, "status", None) == 206
            have = have if goes_on else 0
            length = response.headers.get("Content-Length")
            total = None if length is None else have + int(length)
            with part.open("ab" if goes_on else "wb") as file:
                have = copy(response, file, have, total)
    except HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return
        raise DownloadError(f"{url} cannot be downloaded: {error}") from error
    except (HTTPException, OSError, URLError) as error:
        raise DownloadError(f"{url} cannot be downloaded: {error}. {go_on(part)}") from error
    if total is not None and have < total:
        raise DownloadError(f"{url} ended after {have} of {total} bytes. {go_on(part)}")


def go_on(part: Path) -> str:
    have = part.is_file() and part.stat().st_size
    return f"Run the command again: it goes on after {have} bytes." if have else "Nothing came."


def copy(response, file, have: int, total: int | None) -> int:
    """Copy a response into a file, with reports of the progress; return the file's length."""
    said, before, begun = have, have, time.monotonic()
    while block := response.read(BLOCK):
        file.write(block)
        have += len(block)
        if have - said >= REPORT_EVERY:
            said = have
            print(f"{have >> 20}{rest(have, total, have - before, begun)}", flush=True)
    return have


def rest(have: int, total: int | None, new: int, begun: float) -> str:
    """Return the end of a line about the progress: the total size and the remaining time."""
    if total is None:
        return " MiB"
    left = (total - have) / new * (time.monotonic() - begun)
    return f" of {total >> 20} MiB, {left:.0f} s left"


def check(archive: Path, md5: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with archive.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != md5:
        raise DownloadError(
            f"{archive.name} has the md5 checksum {digest.hexdigest()} and not {md5}: it is "
            "damaged or another file."
        )


def refuse_escapes(archive: Path, names: Iterable[str]) -> None:
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise DownloadError(f"{archive.name} would write outside its folder: {name}")


def extract(archive: Path, folder: Path) -> None:
    """Unpack an archive of files and folders; nothing in it may lie outside of the folder."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                refuse_escapes(archive, packed.namelist())
                packed.extractall(folder)
        else:
            with tarfile.open(archive) as packed:
                members = packed.getmembers()
                refuse_escapes(archive, (member.name for member in members))
                for member in members:
                    if not (member.isfile() or member.isdir()):
                        raise DownloadError(
                            f"{archive.name} would write outside its folder: {member.name} is "
                            "neither a file nor a folder."
                        )
                # Debian 12's Python 3.11 has no filters.
                packed.extraction_filter = getattr(tarfile, "data_filter", None)
                packed.extractall(folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DownloadError(f"{archive.name} cannot be unpacked: {error}") from error


def find_contents(folder: Path, contents: tuple[str, ...]) -> Path:
    """Return the folder, or the one inside it, that contains the data set."""
    for place in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if all((place / name).exists() for name in contents):
            return place
    raise DownloadError(f"The archive does not hold {', '.join(contents)}: it is another one.")


def install(archive: Path, dest: Path, contents: tuple[str, ...]) -> None:
    """Unpack the archive beside ``dest``, and rename the complete data set to ``dest``."""
    with tempfile.TemporaryDirectory(dir=dest.parent, prefix=f".{dest.name}-") as place:
        print(f"Unpacking {archive.name}", flush=True)
        unpacked = Path(place, "unpacked")
        unpacked.mkdir()
        extract(archive, unpacked)
        found = find_contents(unpacked, contents)
        if dest.is_dir():
            dest.rmdir()  # it is empty
        found.rename(dest)
    print(f"{dest} is ready")


def download(name: str, dest: Path | None, url: str | None, keep_archive: bool) -> None:
    source = SOURCES[name]
    dest = (dest or Path(source.folder)).expanduser()
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise DownloadError(f"{dest} exists already. Remove it, or name another folder.")
    dest.parent.mkdir(parents=True, exist_ok=True)
    archive = dest.parent / PurePosixPath(source.url).name
    mine = not archive.exists()
    if mine:
        part = archive.with_name(archive.name + ".part")
        print(f"Downloading {url or source.url}", flush=True)
        fetch(url or source.url, part)
        try:
            check(part, source.md5)
        except DownloadError:
            part.unlink()
            raise
        part.rename(archive)
    else:
        print(f"Using {archive}", flush=True)
        check(archive, source.md5)
    install(archive, dest, source.contents)
    if mine and not keep_archive:
        archive.unlink()
    print(f"Check it with: python tools/dataset_tools/verify_dataset.py {name} --data-root {dest}")


def main() -> None:
    arguments = parse_arguments()
    try:
        download(arguments.name, arguments.dest, arguments.url, arguments.keep_archive)
    except DownloadError as error:
        sys.exit(f"{TOOL}: {error}")
    except ValueError as error:  # the URL is not valid
        sys.exit(f"{TOOL}: {error}")


if __name__ == "__main__":
    main()
