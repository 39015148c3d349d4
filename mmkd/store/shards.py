"""Files of a store: shards of records, memory-mapped, each with a checksum."""

import hashlib
import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch
from mmengine.fileio import exists, get_local_path, get_text, join_path
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmkd.compat.files import write_file
from mmkd.store.manifest import Manifest, StoreError

Key = tuple[int, int]  # view, and number of the shard in it
Columns = dict[str, Tensor]


def shard_keys(manifest: Manifest, views: int) -> Iterator[Key]:
    """Yield the shards of the first views, in order."""
    for view in range(views):
        for number in range(math.ceil(manifest.samples / manifest.shard_records)):
            yield view, number


def shard_samples(manifest: Manifest, key: Key) -> range:
    """Return the samples whose records are in a shard."""
    begin = key[1] * manifest.shard_records
    return range(begin, min(begin + manifest.shard_records, manifest.samples))


def shard_name(key: Key) -> str:
    """Return the file name of a shard in the store's folder."""
    return f"view_{key[0]:04d}/shard_{key[1]:05d}.safetensors"


def checksum_name(key: Key) -> str:
    """Return the file name of a shard's SHA-256, which ``sha256sum -c`` reads."""
    return shard_name(key).replace(".safetensors", ".sha256")


def missing_files(path: str, key: Key) -> list[str]:
    """Return the names of the files of a shard, data and checksum, that the folder lacks."""
    names = shard_name(key), checksum_name(key)
    return [name for name in names if not exists(join_path(path, name))]


def write_shard(path: Path, key: Key, columns: Columns) -> None:
    """Write a shard; its checksum is written first, so that a complete shard always has one."""
    content = save({name: column.contiguous() for name, column in columns.items()})
    file = path / shard_name(key)
    line = f"{hashlib.sha256(content).hexdigest()}  {file.name}\n"
    write_file(path / checksum_name(key), line.encode())
    write_file(file, content)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a local file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class Shards:
    """Reader of the records of a store.

    When a shard is first used, its checksum is compared and the file is mapped into memory.

    Args:
        path: Folder of the store.
        manifest: Manifest of the store.
    """

    def __init__(self, path: str, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self._open: dict[Key, Columns] = {}

    def missing(self, views: int) -> list[str]:
        """Return the missing files of the first views."""
        keys = shard_keys(self.manifest, views)
        return [name for key in keys for name in missing_files(self.path, key)]

    def open(self, key: Key) -> Columns:
        """Return the columns of a shard.

        Raises:
            StoreError: If the shard is missing or damaged.
        """
        if key not in self._open:
            self._open[key] = self._read(key)
        return self._open[key]

    def read(
        self, samples: Sequence[int], views: Sequence[int], unread: Collection[str] = ()
    ) -> Columns:
        """Return the records of samples in views, as columns (N, ...) on the CPU.

        Args:
            samples: Indices of the samples.
            views: View of each of them.
            unread: Names of columns to leave out.
        """
        size = self.manifest.shard_records
        places: dict[Key, list[int]] = {}
        for place, (sample, view) in enumerate(zip(samples, views, strict=True)):
            places.setdefault((view, sample // size), []).append(place)
        found: Columns = {}
        for key, at in places.items():
            rows = torch.tensor([samples[place] % size for place in at])
            for name, column in self.open(key).items():
                if name in unread:
                    continue
                if len(places) == 1:
                    found[name] = column[rows]
                    continue
                if name not in found:
                    found[name] = column.new_empty(len(samples), *column.shape[1:])
                found[name][torch.tensor(at)] = column[rows]
        return found

    def _read(self, key: Key) -> Columns:
        name, advice = (
            shard_name(key),
            "Delete it; `store build`, or a run with --store-grow, makes it anew.",
        )
        try:
            expected = get_text(join_path(self.path, checksum_name(key))).split()[0]
            # The local copy of a remote file is deleted afterwards; its memory mapping stays valid.
            with get_local_path(join_path(self.path, name)) as local:
                if sha256(local) != expected:
                    raise StoreError(f"{name} of the store {self.path} is damaged. {advice}")
                with safe_open(local, framework="pt") as file:
                    names = file.keys()
                    return {column: file.get_tensor(column) for column in names}
        except (FileNotFoundError, IndexError) as error:
            raise StoreError(f"{name} of the store {self.path} is missing. {advice}") from error
        except SafetensorError as error:
            raise StoreError(f"{name} of the store {self.path} is damaged. {advice}") from error


def verify_store(path: str) -> int:
    """Compare all shards of a store with their checksums, and return their number.

    Raises:
        StoreError: If a shard is missing or damaged.
    """
    manifest = Manifest.read(path)
    count = 0
    for key in shard_keys(manifest, manifest.views):
        Shards(path, manifest).open(key)
        count += 1
    return count
