"""Stores in a folder that MMEngine's file backends reach."""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from mmengine.fileio import BaseStorageBackend, register_backend
from stored_runs import build, go

from mmkd.cli.store import store as command
from mmkd.store import Store, StoreError, verify_store

PLACE = "elsewhere://bucket/store"


class Elsewhere(BaseStorageBackend):
    """A remote storage: files by their addresses, and no paths on this machine."""

    files: dict[str, bytes]
    copies: list[str]

    def get(self, filepath):
        if filepath not in self.files:
            raise FileNotFoundError(filepath)
        return self.files[filepath]

    def get_text(self, filepath, encoding="utf-8"):
        return self.get(filepath).decode(encoding)

    def exists(self, filepath):
        return filepath in self.files

    def join_path(self, filepath, *others):
        return "/".join([filepath.rstrip("/"), *others])

    @contextmanager
    def get_local_path(self, filepath):
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.get(filepath))
            file.flush()
            self.copies.append(file.name)
            yield file.name


register_backend("elsewhere", Elsewhere, force=True, prefixes="elsewhere")


@pytest.fixture
def local(tmp_path):
    """A store on this machine, whose files are elsewhere too."""
    folder = build(tmp_path / "build", tmp_path / "store")
    files = [path for path in folder.rglob("*") if path.is_file() and "log" not in path.parts]
    Elsewhere.files = {f"{PLACE}/{path.relative_to(folder)}": path.read_bytes() for path in files}
    Elsewhere.copies = []
    return folder


def test_a_run_reads_a_remote_store_and_leaves_no_copies(tmp_path, local):
    expected, _ = go(tmp_path / "local", local)
    losses, _ = go(tmp_path / "remote", PLACE)
    assert losses == expected
    assert len(Elsewhere.copies) == 2  # one for each shard, though four batches read them
    assert not any(Path(copy).exists() for copy in Elsewhere.copies)


def test_a_remote_store_is_verified(local):
    assert verify_store(PLACE) == 2
    seen = CliRunner().invoke(command, ["inspect", PLACE])
    assert "20 samples x 2 views" in seen.output
    name = f"{PLACE}/view_0001/shard_00000.safetensors"
    content = bytearray(Elsewhere.files[name])
    content[-1] ^= 1
    Elsewhere.files[name] = bytes(content)
    with pytest.raises(StoreError, match=r"view_0001/shard_00000.safetensors .* is damaged"):
        verify_store(PLACE)
    del Elsewhere.files[name]
    with pytest.raises(StoreError, match=r"view_0001/shard_00000.safetensors .* is missing"):
        verify_store(PLACE)


def test_a_remote_store_that_is_not_there_is_named(local):
    with pytest.raises(StoreError, match="no teacher store at elsewhere://bucket/other"):
        Store("elsewhere://bucket/other")


def test_a_store_grows_on_this_machine_alone(local):
    with pytest.raises(StoreError, match="grows in a local folder, and elsewhere://bucket/store"):
        Store(PLACE, grow=True)
