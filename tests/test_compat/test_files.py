"""Files are complete or absent, whatever happens while they are written."""

import errno
import hashlib
import os

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.runner import save_checkpoint

from mmkd.compat.files import (
    DiskFullError,
    WholeFileBackend,
    remove_unfinished,
    write_file,
    write_weights,
)


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_mmengine_writes_its_checkpoints_by_it(tmp_path):
    """Fails when MMEngine saves them by other means, and they would be torn again."""
    path = tmp_path / "epoch_1.pth"
    save_checkpoint(dict(state_dict=dict(weight=torch.ones(2))), str(path))
    assert isinstance(get_file_backend(str(tmp_path)), WholeFileBackend)
    assert sorted(os.listdir(tmp_path)) == ["epoch_1.pth", "epoch_1.pth.sha256"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (tmp_path / "epoch_1.pth.sha256").read_text() == f"{digest}  epoch_1.pth\n"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there_and_says_so(tmp_path, monkeypatch, call):
    path = tmp_path / "epoch_1.pth"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(
        DiskFullError, match=r"no space for epoch_1\.pth: it needs 3 bytes"
    ) as error:
        write_file(path, b"new")
    assert error.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["epoch_1.pth"]


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "epoch_1.pth"
    path.write_bytes(b"old")

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["epoch_1.pth"]


def test_a_planted_link_is_replaced_and_not_followed(tmp_path):
    outside, path = tmp_path / "outside", tmp_path / "work" / "epoch_1_student.pth"
    path.parent.mkdir()
    outside.write_bytes(b"precious")
    path.symlink_to(outside)
    path.with_name(path.name + ".sha256").symlink_to(outside)
    write_weights(path, b"new")
    assert outside.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


def test_no_moment_has_a_checksum_of_another_content(tmp_path, monkeypatch):
    path = tmp_path / "epoch_1.pth"
    write_weights(path, b"old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DiskFullError):
        write_weights(path, b"new")
    assert os.listdir(tmp_path) == ["epoch_1.pth"]


def test_what_a_kill_left_is_removed_and_nothing_else(tmp_path):
    left = tmp_path / ".epoch_1.pth.0123456789abcdef.tmp"
    for path in (left, tmp_path / "epoch_1.pth", tmp_path / ".mine.tmp", tmp_path / "x.tmp"):
        path.touch()
    assert remove_unfinished(tmp_path) == [left]
    assert sorted(os.listdir(tmp_path)) == [".mine.tmp", "epoch_1.pth", "x.tmp"]


def test_a_device_is_written_to_and_not_replaced():
    WholeFileBackend().put_text("text", "/dev/null")
    assert not os.path.isfile("/dev/null")


def test_a_files_checksum_goes_with_it(tmp_path):
    path = tmp_path / "epoch_1.pth"
    write_weights(path, b"weights")
    WholeFileBackend().remove(str(path))
    assert os.listdir(tmp_path) == []
