"""docs/cohort.md: its commands have the effects that the page describes."""

import re
from pathlib import Path

import pytest
import torch
from tool_runs import ROOT, of_two_epochs, run_shell

from mmkd.compat.checkpoints import load_checkpoint

TEXT = (ROOT / "docs/cohort.md").read_text()
BLOCKS = "".join(re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL))
COMMANDS = BLOCKS.replace("\\\n", " ").splitlines()


def run(command: str, folder: Path) -> str:
    """Run a command of two epochs in place of thirty, and return what it printed."""
    return run_shell(of_two_epochs(command), folder)


@pytest.mark.slow
def test_the_commands_of_the_page(tmp_path: Path) -> None:
    for name in ("configs", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    printed = [run(command, tmp_path) for command in COMMANDS]
    assert "a cohort of 2 members" in printed[1]
    assert "erkd_digits/accuracy/top1" in printed[2]
    assert "epoch_2_kd_digits_student.pth" in printed[3]
    assert "epoch_2_erkd_digits_student.py" in printed[3]
    work = tmp_path / "work_dirs"
    run("python tools/train.py configs/quickstart/erkd_digits.py", tmp_path)
    written = load_checkpoint(work / "both/epoch_2_erkd_digits_student.pth")["state_dict"]
    alone = load_checkpoint(work / "erkd_digits/epoch_2_student.pth")["state_dict"]
    assert written.keys() == alone.keys()
    assert all(torch.equal(written[key], alone[key]) for key in alone)
