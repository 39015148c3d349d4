"""Runs with learning teachers: saved, resumed, in two processes, in mixed precision."""

import runpy
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner
from runs import config, equal, log_text, run, scalars, validation, weights
from tiny import classifier
from tool_runs import run_in_two_processes

SCRIPT = Path(__file__).with_name("online_in_processes.py")
SHARED = runpy.run_path(str(SCRIPT))
AMP = dict(type="mmkd.CPUAmpOptimWrapper", optimizer=dict(type="SGD", lr=0.1, momentum=0.9))
NORMED = dict(a=classifier(), b=classifier(6))


def go(folder, model, epochs=2, **overrides):
    cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
    return run(folder, train_cfg=cfg, **{**SHARED["fields"](8, model), **overrides})


def models():
    """Distillers with BatchNorm, of all kinds."""
    consistency = dict(kd=dict(loss=dict(type="mmkd.KDLoss", temperature=1.0)))
    return dict(
        mutual=SHARED["mutual"]() | dict(students=NORMED),
        own=SHARED["own_teacher"]() | dict(student=classifier()),
        averaged=SHARED["averaged"](
            student=classifier(), teacher=dict(model=classifier()), terms=consistency
        ),
    )


@pytest.mark.parametrize("kind", ["mutual", "own", "averaged"])
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(tmp_path, kind):
    model = models()[kind]
    whole = go(tmp_path / "whole", model)
    go(tmp_path / "parts", model, epochs=1)
    second = go(tmp_path / "parts", model, resume=True)
    assert second.iter == 4
    assert equal(second.model.state_dict(), whole.model.state_dict())
    if kind == "averaged":
        teachers = [r.model.teachers["teacher"].network.state_dict() for r in (whole, second)]
        assert equal(*teachers)
        assert not equal(teachers[0], weights(whole))
    written = torch.load(tmp_path / "whole" / "epoch_2_student.pth")["state_dict"]
    assert equal(written, weights(whole))


def test_what_mutual_learning_does_is_logged(tmp_path):
    runner = go(tmp_path, SHARED["mutual"](), epochs=1, log_level="INFO")
    for name in "ab":
        assert all(value > 0 for value in scalars(runner, f"train/loss_{name}_mutual"))
        assert all(value > 0 for value in scalars(runner, f"train/{name}.loss"))
        assert scalars(runner, f"train/{name}_mutual/weight_mean")
    assert scalars(runner, "train/entropy/student")
    assert scalars(runner, "train/agreement/b")
    assert "no teacher that was trained before" in log_text(runner)


def test_what_a_branch_learns_is_logged(tmp_path):
    runner = go(tmp_path, SHARED["own_teacher"](), epochs=1)
    for name in ("loss_one_kd", "one.loss", "loss_student", "one_kd/weight_mean"):
        assert all(value > 0 for value in scalars(runner, f"train/{name}"))
    assert scalars(runner, "train/entropy/student")
    assert scalars(runner, "train/agreement/one")


def test_the_student_of_a_mutual_run_is_evaluated_alone(tmp_path):
    metrics = dict(val_evaluator=[dict(type="Accuracy"), dict(type="mmkd.Calibration")])
    fields = {**SHARED["fields"](8, models()["mutual"]), **validation(**metrics)}
    runner = run(tmp_path / "mutual", **fields)
    found = {k: v.current() for k, v in runner.message_hub.log_scalars.items() if "val/" in k}
    file = str(tmp_path / "mutual" / "epoch_2_student.pth")
    plain = config(tmp_path / "plain", classifier(), load_from=file, **validation(**metrics))
    for name, value in Runner.from_cfg(plain).val().items():
        assert found[f"val/{name}"] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("kind", ["mutual", "own", "averaged"])
def test_it_trains_in_mixed_precision(tmp_path, kind):
    runner = go(tmp_path, models()[kind], epochs=1, optim_wrapper=AMP)
    assert all(torch.tensor(scalars(runner, "train/loss")).isfinite())
    assert {value.dtype for value in runner.model.parameters()} == {torch.float32}


def test_mmengines_ema_averages_all_networks(tmp_path):
    fields = SHARED["fields"](8, SHARED["mutual"]())
    fields["custom_hooks"].append(dict(type="EMAHook", momentum=0.1))
    runner = run(tmp_path, **fields)
    saved = torch.load(tmp_path / "epoch_2.pth", weights_only=False)["state_dict"]
    assert any(key.startswith("peers.b.") for key in saved)
    written = torch.load(tmp_path / "epoch_2_student.pth")["state_dict"]
    assert equal(written, {k[8:]: v for k, v in saved.items() if k.startswith("student.")})
    assert not equal(written, weights(runner))


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """Return the results of two processes."""
    folder = tmp_path_factory.mktemp("processes")
    run_in_two_processes(SCRIPT, folder)
    return [torch.load(folder / f"rank_{rank}.pth") for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mutual", "averaged"])
def test_two_processes_come_to_the_weights_of_one(tmp_path, ranks, kind):
    single = go(tmp_path, SHARED[kind]())
    expected = dict(single.model.state_dict())
    found = [rank[kind] for rank in ranks]
    if kind == "averaged":
        expected |= {f"t.{k}": v for k, v in single.model.teachers["teacher"].state_dict().items()}
        found = [
            {**one, **{f"t.{k}": v for k, v in rank["teacher"].items()}}
            for one, rank in zip(found, ranks, strict=True)
        ]
    assert equal(*found)
    for key, weight in expected.items():
        torch.testing.assert_close(found[0][key], weight, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_two_processes_train_the_same_branches(ranks):
    one, other = (rank["own"] for rank in ranks)
    assert any(key.startswith("branches.one.head") for key in one)
    shared = [key for key in one if "running_" not in key]  # each process has its own statistics
    assert all(torch.equal(one[key], other[key]) for key in shared)
