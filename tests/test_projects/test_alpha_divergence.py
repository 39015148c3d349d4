"""A project outside the package trains by its config, as its README says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmkd.losses import KDLoss, ReverseKLLoss

ROOT = Path(__file__).parents[2]
CONFIG = "projects/alpha_divergence/configs/eralpha_digits.py"


@pytest.fixture
def loss(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from projects.alpha_divergence import AlphaDivergenceLoss

    return AlphaDivergenceLoss


def test_at_a_half_it_is_symmetric_zero_at_equality_and_at_most_4(loss):
    first, second = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0)) * 30
    half = loss(temperature=1.0)
    assert half(first, second).item() == pytest.approx(half(second, first).item())
    assert half(first, first).item() == pytest.approx(0, abs=1e-5)
    assert (half(first, second, reduction_override="none") <= 4 + 1e-6).all()


@pytest.mark.parametrize(("alpha", "kind"), [(1 - 1e-6, KDLoss), (1e-6, ReverseKLLoss)])
def test_its_ends_are_the_two_kl_divergences(loss, alpha, kind):
    pair = torch.randn(2, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert loss(alpha)(*pair).item() == pytest.approx(kind()(*pair).item(), rel=1e-4)


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
