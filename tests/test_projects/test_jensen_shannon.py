"""A project outside the package trains by its config, as its README says."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
CONFIG = "projects/jensen_shannon/configs/erjs_digits.py"


@pytest.fixture
def loss(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from projects.jensen_shannon import JensenShannonLoss

    return JensenShannonLoss(temperature=1.0)


def test_it_is_symmetric_zero_at_equality_and_at_most_ln_2(loss):
    first, second = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0)) * 30
    assert loss(first, second).item() == pytest.approx(loss(second, first).item())
    assert loss(first, first).item() == pytest.approx(0, abs=1e-6)
    values = loss(first, second, reduction_override="none")
    assert (values <= math.log(2) + 1e-6).all()


@pytest.mark.slow
def test_it_trains_from_the_command_line(tmp_path):
    options = ["model.teacher.checkpoint=None", "train_cfg.max_epochs=1"]
    options += ["train_dataloader.dataset.indices=64", "val_dataloader.dataset.indices=64"]
    command = [sys.executable, "tools/train.py", CONFIG, "--work-dir", str(tmp_path)]
    subprocess.run(
        [*command, "--cfg-options", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        check=True,
    )
    assert (tmp_path / "epoch_1_student.pth").is_file()
