"""Runs of the tools with the commands of a user."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from warm_python import ROOT, python_for_shells, run_script, run_scripts

FEW_IMAGES = [
    "train_cfg.max_epochs=1",
    "train_dataloader.dataset.indices=128",
    "val_dataloader.dataset.indices=64",
    "test_dataloader.dataset.indices=64",
    "default_hooks.logger.interval=1",
    "randomness.seed=0",
]
# A tool of another package with mmkd out of reach. (Its remedy for torchvision's import stays.)
WITHOUT_MMKD = """
import runpy, sys
import mmkd
for name in [name for name in sys.modules if name.partition(".")[0] == "mmkd"]:
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
Tool = Callable[..., subprocess.CompletedProcess[str]]


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def run_in_two_processes(script: Path, folder: Path) -> None:
    """Run a script of the tests, which writes to a folder, as torchrun does on the CPU."""
    common = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests", ROOT))),
        "CUDA_VISIBLE_DEVICES": "-1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
    }
    ranks = [{**common, "RANK": rank, "LOCAL_RANK": rank} for rank in ("0", "1")]
    for done in run_scripts(script, [str(folder)], Path.cwd(), ranks):
        assert done.returncode == 0, done.stdout[-4000:]


def run_tool(*command: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``python tools/...`` or a shell script of tools/, and return what it printed.

    With variables of the environment it is a new Python, which reads them when it starts.
    """
    script = ROOT / "tools" / str(command[0])
    arguments = [*map(str, command[1:])]
    python = os.path.dirname(sys.executable)
    path = f"{python}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **environment}
    if script.suffix == ".py" and not environment:
        return run_script(script, arguments, cwd, variables)
    shell = [] if script.suffix == ".sh" else [sys.executable]
    return subprocess.run(
        [*shell, script, *arguments],
        cwd=cwd,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_shell(command: str, folder: Path) -> str:
    """Run lines of bash in a user's folder, with this project's Python, and return the output."""
    folders = [str(python_for_shells().parent), os.path.dirname(sys.executable)]
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def of_two_epochs(command: str) -> str:
    """Return a command of a page about the quickstart's runs, for two epochs in place of thirty."""
    options = ["train_cfg.max_epochs=2", "default_hooks.logger.interval=1", "randomness.seed=0"]
    if "teacher_digits" not in command:
        options.append("model.teacher.checkpoint=work_dirs/teacher_digits/epoch_2.pth")
    command = command.replace("epoch_30", "epoch_2")
    if "store build" in command:
        return command + "".join(f" --cfg-options {option}" for option in options)
    train = "tools/train.py" in command
    return f"{command} --cfg-options {' '.join(options)}" if train else command
