"""The feature losses of the literature in runs: saved, resumed, in two processes, averaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from literature_runs import TERMS, settings
from runs import checkpoints, equal, run, scalars, weights

SCRIPT = Path(__file__).with_name("literature_in_processes.py")


def go(folder: Path, epochs: int, **overrides):
    cfg = dict(by_epoch=True, max_epochs=epochs)
    torch.manual_seed(0)  # the teacher is random
    fields = {**settings(8), **checkpoints()}
    fields["custom_hooks"].append(dict(type="mmkd.StepCheckHook"))
    return run(folder, train_cfg=cfg, **fields, **overrides)


def test_a_resumed_run_goes_on_with_all_that_was_learned_and_remembered(tmp_path):
    whole = go(tmp_path / "whole", 2)
    go(tmp_path / "parts", 1)
    second = go(tmp_path / "parts", 2, resume=True)
    assert second.iter == 4
    assert equal(second.model.state_dict(), whole.model.state_dict())
    assert int(whole.model.terms["crd"].loss.memory.steps) == 4
    assert (whole.model.terms["crd"].loss.memory.labels >= 0).all()
    for name in TERMS:
        assert all(torch.tensor(scalars(whole, f"train/loss_{name}")).isfinite())
    written = torch.load(tmp_path / "whole" / "epoch_2_student.pth")["state_dict"]
    assert equal(written, weights(whole))


def test_ema_averages_what_is_learned_and_shares_the_teacher(tmp_path):
    hooks = [dict(type="EMAHook")]
    fields = {**settings(8), "custom_hooks": hooks}
    runner = run(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=1), **fields)
    [hook] = [hook for hook in runner.hooks if type(hook).__name__ == "EMAHook"]
    averaged = hook.ema_model.module
    assert averaged.terms["cat"].loss.classifiers["student"].layer is averaged.student.head.fc
    assert averaged.teachers["teacher"] is runner.model.teachers["teacher"]


@pytest.mark.slow
def test_two_processes_keep_the_same_weights_and_memories(tmp_path):
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, (tests, tests.parent)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    subprocess.run(
        [*command, str(SCRIPT), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
        check=True,
        timeout=300,
    )
    one, other = (torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2))
    shared = [key for key in one if "running_" not in key]  # each process has its own statistics
    assert "terms.crd.loss.memory.student" in shared
    for key in shared:
        assert torch.equal(one[key], other[key]), key
    assert (one["terms.crd.loss.memory.labels"] >= 0).all()
    assert (one["terms.queue.loss.memory.labels"] >= 0).all()
