"""Facts about the environment that the checks read; tests can substitute another environment."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from mmkd.doctor.supported import FAMILIES, Package

PROBE_SECONDS = 300


@dataclass(frozen=True)
class Probe:
    """Result of a piece of Python code that ran in a separate process."""

    ok: bool
    output: str = ""
    error: str = ""


@dataclass(frozen=True)
class Environment:
    """Environment to examine.

    Attributes:
        python: The version of Python.
        executable: Its interpreter, for the commands that repair something.
        version: Function that returns the installed version of a distribution, or ``None``.
        probe: Function that runs Python code in a new process, where a crash or a half-done import
            does no harm.
    """

    python: tuple[int, int, int]
    executable: str
    version: Callable[[str], str | None]
    probe: Callable[[str], Probe]

    @property
    def pip(self) -> str:
        """Beginning of a pip command for this very environment."""
        return f"{self.executable} -m pip"

    @property
    def families(self) -> list[str]:
        """Names of the families of which at least one package is installed."""
        return [name for name in FAMILIES if any(map(self.has, FAMILIES[name]))]

    def has(self, package: Package) -> bool:
        """Return whether a package is installed, in any version."""
        return self.version(package.name) is not None

    def installed(self, module: str) -> Package | None:
        """Return the installed package that provides a module of the stack."""
        packages = [package for family in FAMILIES.values() for package in family]
        found = (package for package in packages if package.module == module and self.has(package))
        return next(found, None)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _probe(code: str) -> Probe:
    command = [sys.executable, "-W", "ignore", "-c", code]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        return Probe(ok=False, error=f"no answer within {PROBE_SECONDS} s")
    errors = done.stderr.strip().splitlines() or [f"it ended with exit code {done.returncode}"]
    return Probe(ok=done.returncode == 0, output=done.stdout.strip(), error=errors[-1])


def current_environment() -> Environment:
    """Return the environment of this process."""
    return Environment(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        executable=sys.executable,
        version=_version,
        probe=_probe,
    )
