"""tools/setup.sh with stand-ins for all programs that it would install with."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup.sh"

PYTHON = """
case "$*" in
*"sys.exit(not (3, 10)"*) exit "${WRONG_PYTHON:-0}" ;;
*"version('"*) case "$*" in *"'${OTHER_FAMILY:-none}'"*) exit 0 ;; *) exit 1 ;; esac ;;
*sys.version_info*) echo 3.11 ;;
*ensurepip*) exit "${NO_VENV:-0}" ;;
*mmcv._ext*) [ ! -e "$HERE/no_ops" ] ;;
*"pip cache remove"*) echo "$*" >>"$HERE/log"; rm -f "$HERE/no_ops" ;;
*"pip --version"*) ;;
"-m "*) echo "$*" >>"$HERE/log" ;;
esac
"""


class Machine:
    """A machine whose commands only note what they are asked to do."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.venv = place / "venv"
        for name, text in {
            "venv/bin/python": PYTHON,
            "bin/g++": "",
            "bin/id": "echo 0",
            "bin/ldconfig": 'cat "$HERE/libraries"',
            "bin/apt-get": 'echo "apt-get $*" >>"$HERE/log"',
        }.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/usr/bin/env bash\n{text}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        (place / "libraries").write_text("libGL.so.1\nlibgthread-2.0.so.0\n")

    def setup(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(SCRIPT), "--venv", str(self.venv), *options],
            env={
                **os.environ,
                "PATH": f"{self.place / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "HERE": str(self.place),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def log(self) -> list[str]:
        log = self.place / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("family", ["onedl", "openmmlab"])
def test_torch_comes_first_and_nothing_is_isolated(machine: Machine, family: str) -> None:
    done = machine.setup("--family", family)
    assert done.returncode == 0, done.stderr
    torch, stack, quickstart, mmkd, doctor = machine.log
    assert torch.endswith("-r requirements/build.txt")
    assert stack.endswith(f"--no-build-isolation -r requirements/{family}.txt")
    assert quickstart.endswith("-r requirements/quickstart.txt")
    assert mmkd.endswith("--no-build-isolation --no-deps -e .")
    assert doctor == "-m mmkd doctor"


def test_a_second_run_installs_nothing(machine: Machine) -> None:
    machine.setup("--tests")
    before = machine.log
    assert "requirements/tests.txt" in before[2]
    for options in (["--tests"], []):
        done = machine.setup(*options)
        assert done.returncode == 0
        assert "already installed" in done.stdout
    assert machine.log == before


def test_tests_are_added_to_what_is_there(machine: Machine) -> None:
    machine.setup()
    machine.setup("--tests")
    assert sum("requirements/tests.txt" in line for line in machine.log) == 1


def test_a_cached_mmcv_without_ops_is_compiled_again(machine: Machine) -> None:
    (machine.place / "no_ops").touch()
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    forget, again = machine.log[2:4]
    assert forget == "-m pip cache remove onedl_mmcv"
    assert again.endswith("--force-reinstall --no-deps onedl-mmcv==2.3.6")


@pytest.mark.parametrize(
    ("family", "other"), [("onedl", "mmengine"), ("openmmlab", "onedl-mmengine")]
)
def test_families_are_not_mixed(machine: Machine, family: str, other: str) -> None:
    done = machine.setup("--family", family, OTHER_FAMILY=other)
    assert done.returncode == 1
    assert f"holds the other family ({other})" in done.stderr
    assert machine.log == []


def test_only_missing_system_packages_are_installed(machine: Machine) -> None:
    (machine.place / "libraries").write_text("libgthread-2.0.so.0\n")
    machine.setup(NO_VENV="1")
    update, install = machine.log[:2]
    assert update.startswith("apt-get update")
    packages = install.split("--no-install-recommends ")[1].split()
    assert [name for name in packages if not name.endswith("-dev")] == ["python3.11-venv", "libgl1"]


def test_another_python_is_refused(machine: Machine) -> None:
    done = machine.setup(WRONG_PYTHON="1")
    assert done.returncode == 1
    assert "has another Python than 3.10-3.12" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--family", "mmcv"], "--family is onedl or openmmlab, not mmcv"),
        (["--family"], "--family needs a value"),
        (["--gpu"], "unknown option --gpu"),
    ],
)
def test_wrong_options(machine: Machine, options: list[str], words: str) -> None:
    done = machine.setup(*options)
    assert done.returncode == 1
    assert words in done.stderr
