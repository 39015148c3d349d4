import subprocess
import sys
from pathlib import Path

import pytest

from mmkd.doctor.cli import examine, main, report
from mmkd.doctor.environment import current_environment
from mmkd.doctor.finding import Finding, Level

ROOT = Path(__file__).resolve().parents[2]


def test_a_healthy_environment(make_environment, capsys) -> None:
    assert report(examine(make_environment())) == 0
    assert capsys.readouterr().out.endswith("0 broken, 0 warning(s)\n")


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        ([], 0),
        ([Level.OK, Level.NOTE, Level.WARNING], 0),
        ([Level.OK, Level.BROKEN, Level.OK], 1),
    ],
)
def test_only_something_broken_makes_the_exit_code_1(levels, code) -> None:
    assert report([Finding(level, "text") for level in levels]) == code


def test_each_remedy_stands_under_its_finding(capsys) -> None:
    report([Finding(Level.BROKEN, "torch is missing", "pip install torch"), Finding(Level.OK, "x")])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["BROKEN", "torch", "is", "missing"]
    assert lines[1] == ["pip", "install", "torch"]


def test_every_check_has_words_for_an_empty_environment(make_environment) -> None:
    absent = dict.fromkeys(["torch", "torchvision", "numpy", "setuptools", "scikit-learn"])
    env = make_environment(family="none", versions=absent, errors={"mmkd": "No module mmengine"})
    levels = [finding.level for finding in examine(env)]
    assert levels.count(Level.BROKEN) == 3  # torch, numpy, a family


def test_a_probe_tells_the_last_line_of_the_error() -> None:
    env = current_environment()
    assert env.probe("print(6 * 7)").output == "42"
    failed = env.probe("raise ValueError('in words')")
    assert (failed.ok, failed.error) == (False, "ValueError: in words")
    crashed = env.probe("import os; os.abort()")
    assert not crashed.ok
    assert "exit code" in crashed.error


def test_help_without_examining_anything(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    assert "exit code is 1" in capsys.readouterr().out


@pytest.mark.slow
def test_the_real_environment_is_fit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmkd", "doctor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mmcv's compiled ops can be imported" in done.stdout


def test_it_starts_without_mmengine() -> None:
    """In an interpreter that sees nothing but the standard library and mmkd."""
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", "-m", "mmkd", "doctor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Neither family of OpenMMLab packages is installed" in done.stdout
