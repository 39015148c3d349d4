"""Python processes that begin with the stack imported, which a new one needs seconds for.

A server imports the packages once and forks for each command, so that a command still has a
process, a folder and an environment of its own. In a shell the server is behind a file `python`.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from multiprocessing.connection import Connection, Listener, wait
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread

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
# Scripts and modules go to the server, and all else to Python itself: `-c`, and `-u` of torchrun,
# which sends its signals to the process that it started.
SHIM = """#!{python} -IS
import os, sys
command = sys.argv[1:]
if not command or not (command[0] == "-m" or command[0].endswith(".py")):
    os.execv({python!r}, [{python!r}, *command])
from multiprocessing.connection import Client
with Client({address!r}) as server:
    server.send((command, os.getcwd(), dict(os.environ), f"/proc/{{os.getpid()}}/fd/1"))
    sys.exit(server.recv())
"""
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
    command = [str(script), *arguments]
    with ExitStack() as stack:
        outputs = [stack.enter_context(NamedTemporaryFile("r")) for _ in environments]
        processes = [
            _start(command, str(folder), environment, output.name)
            for environment, output in zip(environments, outputs, strict=True)
        ]
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


@cache
def python_for_shells() -> Path:
    """Return a file ``python`` whose scripts and modules run in forks of the server."""
    listener = Listener(family="AF_UNIX")
    shim = Path(str(listener.address)).with_name("python")
    shim.write_text(SHIM.format(python=sys.executable, address=listener.address))
    shim.chmod(0o755)
    Thread(target=_serve, args=(listener,), daemon=True).start()
    return shim


def _serve(listener: Listener) -> None:
    while True:
        connection = listener.accept()
        Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: Connection) -> None:
    """Run the command of a connection, or end it when the other side has ended."""
    with connection:
        process = _start(*connection.recv())
        wait([connection, process.sentinel])
        if process.is_alive():
            process.kill()
        else:
            connection.send(process.exitcode)


def _start(
    command: list[str], folder: str, environment: dict[str, str], output: str
) -> multiprocessing.process.BaseProcess:
    _server.set_forkserver_preload(PACKAGES)
    arguments = (command, folder, environment, output, str(python_for_shells()))
    process = _server.Process(target=_become, args=arguments)
    process.start()
    return process


def _become(
    command: list[str], folder: str, environment: dict[str, str], output: str, python: str
) -> None:
    """Run a command in this process, which is a fork of the server, as if Python began with it."""
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = python  # for commands that start others
    tests = str(ROOT / "tests")
    foreign = [path for path in sys.path if path and not path.startswith(tests)]
    named = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if command[0] == "-m":
        sys.path[:] = [folder, *named, *foreign]
        sys.argv[:] = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[:] = [str(Path(command[0]).parent.resolve()), *named, *foreign]
        sys.argv[:] = command
        runpy.run_path(command[0], run_name="__main__")
