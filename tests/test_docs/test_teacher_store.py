"""docs/teacher_store.md: its commands have the effects that the page describes."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from tool_runs import ROOT

TEXT = (ROOT / "docs/teacher_store.md").read_text()
COMMANDS = "".join(re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)).splitlines()
SHORT = "train_cfg.max_epochs=2 default_hooks.logger.interval=1 randomness.seed=0"
TEACHER = "model.teacher.checkpoint=work_dirs/teacher_digits/epoch_2.pth"


def shortened(command):
    """The command for two epochs in place of thirty."""
    options = SHORT if "teacher_digits" in command else f"{SHORT} {TEACHER}"
    if "store build" in command:
        return command + "".join(f" --cfg-options {option}" for option in options.split())
    return f"{command} --cfg-options {options}" if "tools/train.py" in command else command


@pytest.mark.slow
def test_the_commands_of_the_page(tmp_path):
    for name in ("configs", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    printed = []
    for command in map(shortened, COMMANDS):
        done = subprocess.run(
            [sys.executable, *shlex.split(command)[1:]],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        printed.append(done.stdout + done.stderr)
    assert len(COMMANDS) == 5
    assert "40 bytes a record" in printed[1]
    assert "The teachers come from a store, and are not evaluated" in printed[2]
    assert "2 shards, all as they were written" in printed[3]
    assert "10 classes at head.fc" in printed[4]
