"""Checkpoints by URL go through MMEngine's loader, and are as safe as files."""

import functools
import http.server
import pickle
import threading
from pathlib import Path

import mmkd  # noqa: F401

# isort: split
import pytest
import torch

from mmkd.compat.checkpoints import UnsafeCheckpointError, load_checkpoint


class Touch:
    """Pickles as a call that creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder, and the address at which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_url_is_downloaded_and_loaded(served):
    folder, address = served
    torch.save(dict(state_dict=dict(weight=torch.ones(2))), folder / "teacher.pth")
    loaded = load_checkpoint(f"{address}/teacher.pth")
    assert loaded["state_dict"]["weight"].tolist() == [1, 1]


@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_download_is_refused_and_nothing_runs(served, tmp_path, legacy):
    folder, address = served
    mark = tmp_path / "executed"
    torch.save(Touch(mark), folder / "evil.pth", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UnsafeCheckpointError, match="trust_checkpoint=True"):
        load_checkpoint(f"{address}/evil.pth")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Touch(mark)))
    assert mark.exists(), "the attack works where nothing stops it"
