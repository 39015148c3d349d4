"""Python processes that begin with the stack imported, which a new one needs seconds for.

A server imports the packages once and forks for each script, so that a script still has a process,
a folder and an environment of its own.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# mmkd comes first: its remedies come before any import of torchvision.
PACKAGES = [
    "mmkd",
    "mmpretrain.models",
    "mmpretrain.datasets",
    "mmpretrain.evaluation",
    "mmdet.models",
    "mmdet.datasets",
    "mmdet.evaluation",
]
_server = multiprocessing.get_context("forkserver")


def run_script(
    script: Path, arguments: Sequence[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a Python script in a folder, and return its exit status and what it printed."""
    _server.set_forkserver_preload(PACKAGES)
    command = [str(script), *arguments]
    with tempfile.NamedTemporaryFile("r") as output:
        process = _server.Process(
            target=_become, args=(command, str(folder), environment, output.name)
        )
        process.start()
        process.join()
        assert process.exitcode is not None
        return subprocess.CompletedProcess(command, process.exitcode, output.read())


def _become(command: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    """Run a script in this process, which is a fork of the server, as if Python began with it."""
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tests = str(ROOT / "tests")
    foreign = [path for path in sys.path if path and not path.startswith(tests)]
    sys.path[:] = [str(Path(command[0]).parent), str(ROOT), *foreign]
    sys.argv[:] = command
    runpy.run_path(command[0], run_name="__main__")
