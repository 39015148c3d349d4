"""Local copies and mirrors of published weights."""

import functools
import hashlib
import http.server
import json
import threading
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
import torch

from mmkd.compat.checkpoints import load_checkpoint
from mmkd.compat.weight_sources import SourceError, local_copy
from mmkd.doctor import weights
from mmkd.doctor.finding import Level
from mmkd.engine.weight_files import _unreachable

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of local copies; nothing was downloaded before."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setenv("MMKD_WEIGHTS", f"{tmp_path / 'none'}:{folder}")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return folder


@pytest.fixture
def served(tmp_path: Path):
    """A folder with weights, and the address at which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    torch.save(dict(weight=torch.ones(2)), folder / "student.pth")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder / "student.pth", f"http://127.0.0.1:{server.server_port}/student.pth"
    server.shutdown()


def mirrors(copies: Path, **entry: object) -> None:
    (copies / "mirrors.json").write_text(json.dumps({"student.pth": entry}))


def test_a_local_copy_stands_in_for_an_address(copies: Path) -> None:
    address = f"{NOWHERE}/v1/student.pth?version=2"
    assert local_copy(address) is None
    assert _unreachable(address) is not None
    torch.save(dict(weight=torch.ones(2)), copies / "student.pth")
    assert load_checkpoint(address)["weight"].tolist() == [1, 1]
    assert _unreachable(address) is None


def test_a_mirror_is_asked_when_the_address_fails(copies: Path, served: tuple[Path, str]) -> None:
    file, address = served
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    mirrors(copies, sha256=digest, urls=[f"{NOWHERE}/student.pth", address])
    assert load_checkpoint(f"{NOWHERE}/v0/student.pth")["weight"].tolist() == [1, 1]
    assert _unreachable(f"{NOWHERE}/v0/student.pth") is None


def test_another_file_than_the_listed_one_is_refused(
    copies: Path, served: tuple[Path, str], tmp_path: Path
) -> None:
    mirrors(copies, sha256=64 * "0", urls=[served[1]])
    with pytest.raises(SourceError, match="invalid hash value") as caught:
        load_checkpoint(served[1])
    assert "MMKD_WEIGHTS" in str(caught.value)
    assert not [*tmp_path.glob("hub/**/*.pth")]


@pytest.mark.parametrize("text", ["no json", '{"student.pth": {"urls": []}}', "[]"])
def test_a_list_that_cannot_be_read_is_told(copies: Path, text: str) -> None:
    (copies / "mirrors.json").write_text(text)
    with pytest.raises(SourceError, match=r"mirrors\.json cannot be read"):
        load_checkpoint(f"{NOWHERE}/student.pth")


def test_the_doctor_names_folders_and_hosts(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "HOSTS", {"these weights": f"{NOWHERE}/a.pth"})
    (copies / "a.pth").touch()
    own, missing, folder, host = weights.check_weights()
    assert own.text == "mmkd ships 4 file(s) of weights, as mmkd://weights/..."
    assert missing.level is host.level is Level.WARNING
    assert folder.text == f"MMKD_WEIGHTS: {copies} has 1 file(s)"
    assert "these weights cannot be reached" in host.text
