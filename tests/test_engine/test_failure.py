"""Messages of failing commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tool_runs import ROOT, free_port

from mmkd.engine.failure import Failures
from mmkd.engine.launch import ArgumentError


def end(error: Exception, folder: Path | None = None) -> str | int | None:
    failures = Failures("tools/x.py")
    failures.folder = None if folder is None else str(folder)
    with pytest.raises(SystemExit) as ended, failures:
        raise error
    return ended.value.code


def test_the_text_of_an_error_for_users_is_told_as_it_is() -> None:
    assert end(ArgumentError("Say so.")) == "tools/x.py: Say so."
    told = end(ValueError("Wrong."))
    assert told == "tools/x.py: Wrong.\n(MMKD_TRACEBACK=1 shows the traceback.)"


def test_that_of_others_has_its_type_and_not_more_than_a_dozen_lines() -> None:
    told = str(end(AttributeError("\n".join(map(str, range(40))))))
    assert told.startswith("tools/x.py: AttributeError: 0\n1\n")
    assert "... and 31 more lines" in told
    assert len(told.splitlines()) <= 12


def test_the_traceback_is_kept_in_the_work_folder(tmp_path: Path) -> None:
    assert f"The traceback is in {tmp_path / 'traceback.txt'}" in str(
        end(RuntimeError("x"), tmp_path)
    )
    text = (tmp_path / "traceback.txt").read_text()
    assert text.startswith("Traceback")
    assert text.endswith("RuntimeError: x\n")


def test_it_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMKD_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError), Failures("x"):
        raise ZeroDivisionError


def test_one_process_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Under torchrun the first process that fails tells; elsewhere rank 0 does."""
    for rank, told in (("1", False), ("0", True)):
        monkeypatch.setenv("RANK", rank)
        assert (end(ValueError("x")) != 1) is told
    for rank, told in (("1", True), ("0", False), ("2", False)):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / rank / "error.json"))
        assert (end(ValueError("x")) != 1) is told


SCRIPT = """
import os, signal, sys, time
from mmkd.engine.failure import Failures
with Failures("x.py"):
    if sys.argv[1] == "kill" and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "fail":
        raise ValueError("In words.")
    time.sleep(60 if sys.argv[1] == "kill" else 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("fail", 1, ["x.py: In words.", "(MMKD_TRACEBACK=1 shows the traceback.)"]),
        ("kill", 137, ["The process of rank 1 was killed by SIGKILL; the others were ended. Was "
                       "there too little memory?"]),
        ("end", 0, []),
    ],
)  # fmt: skip
def test_launched_processes_end_with_one_block_of_words(
    how: str, code: int, told: list[str], tmp_path: Path
) -> None:
    (tmp_path / "x.py").write_text(SCRIPT)
    launch = ["-m", "mmkd.engine.torchrun", "--nproc_per_node=2", f"--master_port={free_port()}"]
    done = subprocess.run(
        [sys.executable, *launch, str(tmp_path / "x.py"), how],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.splitlines() == told
