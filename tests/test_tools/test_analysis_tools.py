"""Analysis tools with the commands of a user."""

from pathlib import Path

import pytest
from tool_runs import ROOT, Tool, run_tool

ERKD = ROOT / "configs/quickstart/erkd_digits.py"


@pytest.mark.slow
def test_samples_and_curves_of_a_run(tool: Tool, distilled: Path, tmp_path: Path) -> None:
    options = ("--cfg-options", "model.teacher.checkpoint=None")
    checkpoint = distilled / "epoch_1_student.pth"  # a member of a cohort has no other
    command = ("analysis_tools/draw_samples.py", ERKD, checkpoint, "--batches", 2)
    tool(*command, "--out", "samples.png", *options)
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")
    keys = ("--keys", "entropy/student+entropy/teacher", "accuracy/top1")
    tool("analysis_tools/draw_curves.py", distilled, *keys, "--out", "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_missing_checkpoint_is_told(tmp_path: Path) -> None:
    options = ("--cfg-options", "model.teacher.checkpoint=None")
    done = run_tool("analysis_tools/draw_samples.py", ERKD, "no.pth", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "draw_samples.py: " in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_the_model_card_of_a_run(tool: Tool, distilled: Path, tmp_path: Path) -> None:
    done = tool("analysis_tools/model_card.py", distilled, "--out", "card.html")
    assert done.stdout.splitlines()[-1] == "Wrote card.html"
    assert "<h2>Calibration</h2>" in (tmp_path / "card.html").read_text()
