"""The feature losses of the literature in runs: saved, resumed, in two processes, averaged."""

from pathlib import Path

import pytest
import torch
from literature_runs import SIMKD, TERMS, settings
from runs import checkpoints, distiller, equal, run, scalars, weights
from tiny import classifier
from tool_runs import run_in_two_processes

from mmkd.registry import MODELS

SCRIPT = Path(__file__).with_name("literature_in_processes.py")


def go(folder: Path, epochs: int, **overrides):
    cfg = dict(by_epoch=True, max_epochs=epochs)
    torch.manual_seed(0)  # the teacher is random
    fields = {**settings(8), **checkpoints(), **overrides}
    fields["custom_hooks"] += [dict(type="mmkd.StepCheckHook"), dict(type="mmkd.ExactResumeHook")]
    return run(folder, train_cfg=cfg, **fields)


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


def test_the_same_teachers_are_dropped_in_a_resumed_run(tmp_path):
    teachers = {
        name: dict(model=classifier(width, init_cfg=None)) for name, width in (("a", 4), ("b", 6))
    }
    terms = dict(unic=TERMS["unic"])
    model = distiller(student=classifier(4), teachers=teachers, terms=terms)
    whole = go(tmp_path / "whole", 2, model=model)
    go(tmp_path / "parts", 1, model=model)
    second = go(tmp_path / "parts", 2, model=model, resume=True)
    assert equal(second.model.state_dict(), whole.model.state_dict())


def test_simkd_keeps_the_teachers_classifier_in_a_resumed_run(tmp_path):
    fields = settings(8, SIMKD, init_cfg=None)
    go(tmp_path, 1, **fields)
    first = torch.load(tmp_path / "epoch_1_student.pth")["state_dict"]
    second = go(tmp_path, 2, resume=True, **fields)
    teacher = second.model.teachers["teacher"].network.state_dict()
    last = weights(second)
    for name in ("head.fc.weight", "head.fc.bias"):
        assert torch.equal(first[name], teacher[name])
        assert torch.equal(last[name], teacher[name])
    assert not torch.equal(first["backbone.conv1.weight"], last["backbone.conv1.weight"])


def test_half_precision_keeps_weights_whole_and_losses_finite(tmp_path):
    wrapper = dict(settings(8)["optim_wrapper"], type="mmkd.CPUAmpOptimWrapper")
    runner = go(tmp_path, 1, optim_wrapper=wrapper)
    for name in TERMS:
        assert all(torch.tensor(scalars(runner, f"train/loss_{name}")).isfinite())
    state = runner.model.state_dict().values()
    assert {t.dtype for t in state if t.is_floating_point()} == {torch.float32}
    assert all(t.isfinite().all() for t in state)


def test_no_loss_is_forgotten():
    """The losses of detectors run in the tests of detectors."""
    detection = {"BinaryKDLoss", "BoxDeltaLoss", "BoxIoULoss", "FGDLoss", "LDLoss"}
    detection |= {"QualityFocalKDLoss", "QueryKDLoss"}
    # Parts of DKD; the test above; two views, which the tests of configs train on; pixels with
    # labels, which the tests of segmentors have.
    apart = {"TCKDLoss", "NCKDLoss", "SimKDLoss", "CRLDLoss", "CIRKDLoss"}
    ours = {n for n, part in MODELS.module_dict.items() if part.__module__.startswith("mmkd.")}
    names = {name for name in ours if name.endswith("Loss")} | {"FCFD"}
    tried = {term["loss"]["type"].removeprefix("mmkd.") for term in TERMS.values()}
    assert names - detection - apart - tried == {"TfKDRegLoss"}, "it needs no teacher"


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
    run_in_two_processes(SCRIPT, tmp_path)
    one, other = (torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2))
    shared = [key for key in one if "running_" not in key]  # each process has its own statistics
    assert "terms.crd.loss.memory.student" in shared
    for key in shared:
        assert torch.equal(one[key], other[key]), key
    assert (one["terms.crd.loss.memory.labels"] >= 0).all()
    assert (one["terms.queue.loss.memory.labels"] >= 0).all()
