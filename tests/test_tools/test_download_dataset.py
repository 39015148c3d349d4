"""tools/dataset_tools/download_dataset.py, on archives of generated data from a local server."""

import dataclasses
import hashlib
import importlib.util
import io
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest
from small_folders import write_cinic10, write_tiny_imagenet
from tool_runs import ROOT

from mmkd.datasets import CINIC10, TinyImageNet


class Server(ThreadingHTTPServer):
    """Serves one file; notes the ranges asked for, and can cut an answer off."""

    content = b""
    cut_at: int | None = None
    ranges = True
    requests: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/archive"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        content = self.server.content
        start = int(asked.removeprefix("bytes=")[:-1]) if asked and self.server.ranges else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.server.cut_at])

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def script() -> ModuleType:
    path = ROOT / "tools/dataset_tools/download_dataset.py"
    spec = importlib.util.spec_from_file_location("download_dataset", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs the tool as the command line does, expecting an archive of the given content."""

    def run(name: str, content: bytes, *arguments: object) -> None:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        source = dataclasses.replace(script.SOURCES[name], md5=md5)
        monkeypatch.setitem(script.SOURCES, name, source)
        monkeypatch.setattr(sys, "argv", ["download_dataset.py", name, *map(str, arguments)])
        script.main()

    return run


@pytest.fixture(scope="module")
def cinic10(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The official archive has its folders at the top, each name after './'."""
    folder = write_cinic10(tmp_path_factory.mktemp("cinic10"), each=1)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder, ".")
    return packed.getvalue()


@pytest.fixture(scope="module")
def tiny_imagenet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The official archive has everything below tiny-imagenet-200."""
    folder = write_tiny_imagenet(
        tmp_path_factory.mktemp("data") / "tiny-imagenet-200", classes=3, train=1, val=3
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder.parent))
    return packed.getvalue()


@pytest.mark.slow
def test_cinic10_arrives(tmp_path: Path, run, server: Server, cinic10: bytes) -> None:
    server.content = cinic10
    run("cinic10", cinic10, tmp_path / "new/cinic10", "--url", server.url)
    assert len(CINIC10(str(tmp_path / "new/cinic10"), split="trainval")) == 20
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cinic10"]


def test_tiny_imagenet_arrives_where_configs_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run, tiny_imagenet: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = tmp_path / "mirror.zip"
    archive.write_bytes(tiny_imagenet)
    run("tiny_imagenet", tiny_imagenet, "--url", archive.as_uri(), "--keep-archive")
    assert len(TinyImageNet("data/tiny-imagenet-200", split="val")) == 3
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert names == {"tiny-imagenet-200", "tiny-imagenet-200.zip"}
    assert archive.exists()


def test_a_kept_archive_is_used(tmp_path: Path, run, server: Server, cinic10: bytes) -> None:
    (tmp_path / "CINIC-10.tar.gz").write_bytes(cinic10)
    run("cinic10", cinic10, tmp_path / "cinic10", "--url", server.url)
    assert not server.requests
    assert (tmp_path / "CINIC-10.tar.gz").exists(), "it is the user's"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_download_goes_on(
    tmp_path: Path, run, server: Server, cinic10: bytes, ranges: bool
) -> None:
    server.content, server.cut_at, server.ranges = cinic10, 1000, ranges
    arguments = ("cinic10", cinic10, tmp_path / "cinic10", "--url", server.url)
    with pytest.raises(SystemExit, match=rf"1000 of {len(cinic10)} bytes.*Run the command again"):
        run(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["CINIC-10.tar.gz.part"]
    server.cut_at = None
    run(*arguments)
    assert server.requests == [None, "bytes=1000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["cinic10"]


def test_a_download_that_was_whole_is_not_repeated(
    tmp_path: Path, run, server: Server, cinic10: bytes
) -> None:
    """The process may end between the download and the check."""
    server.content = cinic10
    (tmp_path / "CINIC-10.tar.gz.part").write_bytes(cinic10)
    run("cinic10", cinic10, tmp_path / "cinic10", "--url", server.url)
    assert server.requests == [f"bytes={len(cinic10)}-"]
    assert [path.name for path in tmp_path.iterdir()] == ["cinic10"]


def test_a_wrong_checksum_is_refused(tmp_path: Path, run, server: Server, cinic10: bytes) -> None:
    server.content = cinic10[:-1] + b"!"
    with pytest.raises(SystemExit, match=r"md5 checksum .* damaged or another file"):
        run("cinic10", cinic10, tmp_path / "cinic10", "--url", server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_users_wrong_archive_is_refused_and_kept(tmp_path: Path, run, cinic10: bytes) -> None:
    (tmp_path / "CINIC-10.tar.gz").write_bytes(b"something")
    with pytest.raises(SystemExit, match="md5 checksum"):
        run("cinic10", cinic10, tmp_path / "cinic10")
    assert [path.name for path in tmp_path.iterdir()] == ["CINIC-10.tar.gz"]


def test_a_folder_with_something_in_it_is_kept(tmp_path: Path, run, cinic10: bytes) -> None:
    (tmp_path / "cinic10").mkdir()
    (tmp_path / "cinic10/mine").touch()
    with pytest.raises(SystemExit, match=r"cinic10 exists already. Remove it, or name another"):
        run("cinic10", cinic10, tmp_path / "cinic10")


def test_no_server_is_told(tmp_path: Path, run, cinic10: bytes) -> None:
    arguments = ("cinic10", cinic10, tmp_path / "cinic10", "--url")
    with pytest.raises(SystemExit, match=r"cannot be downloaded: .*Nothing came"):
        run(*arguments, "http://127.0.0.1:9/archive")
    with pytest.raises(SystemExit, match="unknown url type"):
        run(*arguments, "archive.tar.gz")
    assert list(tmp_path.iterdir()) == []


def packed_tar(*members: tarfile.TarInfo) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member)
    return packed.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def packed_zip(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        packed_tar(tarfile.TarInfo("train/../../escaped")),
        packed_tar(link("train", "/etc"), tarfile.TarInfo("train/escaped")),
        packed_tar(link("train", "../.."), tarfile.TarInfo("train/escaped")),
        packed_zip("../escaped"),
        packed_zip("/escaped"),
        packed_zip("a\\..\\..\\escaped"),
    ],
    ids=["tar_parent", "tar_link", "tar_link_up", "zip_parent", "zip_absolute", "zip_backslashes"],
)
def test_archives_that_would_write_elsewhere_are_refused(
    tmp_path: Path, run, content: bytes
) -> None:
    folder = tmp_path / "downloads"
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    with pytest.raises(SystemExit, match="would write outside its folder"):
        run("cinic10", content, folder / "cinic10", "--url", archive.as_uri())
    assert {path.name for path in tmp_path.rglob("*")} == {
        "archive",
        "downloads",
        "CINIC-10.tar.gz",
    }


def test_an_archive_of_something_else_is_refused(tmp_path: Path, run, tiny_imagenet: bytes) -> None:
    archive = tmp_path / "archive"
    for content, words in ((tiny_imagenet, "does not hold"), (b"text", "cannot be unpacked")):
        archive.write_bytes(content)
        with pytest.raises(SystemExit, match=words):
            run("cinic10", content, tmp_path / "out/cinic10", "--url", archive.as_uri())
        (tmp_path / "out/CINIC-10.tar.gz").unlink()
    assert list((tmp_path / "out").iterdir()) == []
