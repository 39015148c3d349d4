"""docs/cohort.md: its commands have the effects that the page describes."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tool_runs import ROOT

from mmkd.compat.checkpoints import load_checkpoint

TEXT = (ROOT / "docs/cohort.md").read_text()
COMMANDS = "".join(re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)).splitlines()
SHORT = "train_cfg.max_epochs=2 default_hooks.logger.interval=1 randomness.seed=0"
TEACHER = "model.teacher.checkpoint=work_dirs/teacher_digits/epoch_2.pth"


def run(command: str, folder: Path) -> str:
    """Run a command of two epochs in place of thirty, and return what it printed."""
    options = SHORT if "teacher_digits" in command else f"{SHORT} {TEACHER}"
    if "tools/train.py" in command:
        command = f"{command} --cfg-options {options}"
    done = subprocess.run(
        [sys.executable, *shlex.split(command.replace("epoch_30", "epoch_2"))[1:]],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


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
