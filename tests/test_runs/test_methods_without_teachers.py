"""Methods that take no trained teacher, by one flag, through tools/train.py."""

from pathlib import Path

import pytest
from tool_runs import ROOT, run_tool

OPTIONS = ["train_cfg.max_epochs=1", "default_hooks.logger.interval=1"]
STUDENT = ROOT / "configs/quickstart/student_digits.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "logged"),
    [("byot", "loss_middle_hint"), ("dml", "loss_peer_mutual"), ("tfkd_reg", "accuracy/top1")],
)
def test_they_train(method: str, logged: str, tmp_path: Path) -> None:
    done = run_tool(
        "train.py", STUDENT, "--method", method, "--cfg-options", *OPTIONS, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert logged in done.stdout
