"""Python processes that begin with the stack imported, which a new one needs seconds for.

A server imports the packages once and forks for each script, so that a script still has a process,
a folder and an environment of its own.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import NamedTemporaryFile

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
LIMIT = 600  # seconds
_server = multiprocessing.get_context("forkserver")


def run_script(
    script: Path, arguments: Sequence[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a Python script in a folder, and return its exit status and what it printed."""
    return run_scripts(script, arguments, folder, [environment])[0]


def run_scripts(
    script: Path, arguments: Sequence[str], folder: Path, environments: list[dict[str, str]]
) -> list[subprocess.CompletedProcess[str]]:
    """Run a Python script several times at once, each time in another environment.

    Raises:
        TimeoutError: If the script runs for more than ten minutes; it is then ended.
    """
    _server.set_forkserver_preload(PACKAGES)
    command = [str(script), *arguments]
    with ExitStack() as stack:
        outputs = [stack.enter_context(NamedTemporaryFile("r")) for _ in environments]
        processes = [
            _server.Process(target=_become, args=(command, str(folder), environment, output.name))
            for environment, output in zip(environments, outputs, strict=True)
        ]
        for process in processes:
            process.start()
        deadline = time.monotonic() + LIMIT
        for process in processes:
            process.join(deadline - time.monotonic())
        codes = [process.exitcode for process in processes]
        for process in processes:
            process.kill()
        shown = [output.read() for output in outputs]
    if None in codes:
        raise TimeoutError(f"{' '.join(command)} ran for {LIMIT} s:\n{''.join(shown)[-4000:]}")
    return [
        subprocess.CompletedProcess(command, code, text)
        for code, text in zip(codes, shown, strict=True)
        if code is not None
    ]


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
    named = environment["PYTHONPATH"].split(os.pathsep)
    sys.path[:] = [str(Path(command[0]).parent), *named, *foreign]
    sys.argv[:] = command
    runpy.run_path(command[0], run_name="__main__")
