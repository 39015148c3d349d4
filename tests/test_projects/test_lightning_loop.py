"""The project trains in Lightning's loop, as its README says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_it_trains_a_teacher_and_a_student(tmp_path):
    command = [sys.executable, "-m", "projects.lightning_loop.train", "--epochs", "4"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        check=True,
        capture_output=True,
        text=True,
    )
    accuracies = dict(re.findall(r"^(teacher|student): ([\d.]+)$", done.stdout, re.MULTILINE))
    assert float(accuracies["teacher"]) > 0.8
    assert float(accuracies["student"]) > 0.5
