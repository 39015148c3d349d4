"""Circumstances of a measurement: versions, commit, machine, command."""

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = ("torch", "torchvision", "numpy", "mmengine", "mmcv", "mmpretrain", "mmdet")
RENAMED = {"mmdet": "onedl-mmdetection"}


def versions() -> dict[str, str]:
    """Return the versions of Python, mmkd and the stack, by the name of their distribution."""
    from mmkd import __version__

    found = {"python": platform.python_version(), "mmkd": __version__}
    for package in PACKAGES:
        for name in (RENAMED.get(package, f"onedl-{package}"), package):
            try:
                found[name] = version(name)
                break
            except PackageNotFoundError:
                continue
    return found


def commit(folder: Path) -> str:
    """Return the commit that is checked out in a folder; the text says if files differ from it."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return "unknown"


def machine() -> str:
    """Return a description of the processor that PyTorch computes on."""
    cpu = f"{_cpu_name()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads a process"
    if not torch.cuda.is_available():
        return f"{cpu}, no GPU"
    return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda}), {cpu}"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def command() -> str:
    """Return the command line of this process, as it was typed."""
    return shlex.join(["python", *sys.argv])


def provenance(folder: Path) -> dict[str, object]:
    """Return versions, commit, machine and command, for a report on a folder's code."""
    return dict(command=command(), commit=commit(folder), machine=machine(), versions=versions())
