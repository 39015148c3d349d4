"""Runs of SafeRunner: locked folders, resumption from intact checkpoints, ends without loss."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from runs import (
    checkpoints,
    config,
    distiller,
    equal,
    initialised,
    loader,
    log_text,
    separate_runs,  # noqa: F401
    validation,
    weights,
)
from tiny import KD, classifier

from mmkd.compat.archives import BrokenCheckpointError
from mmkd.engine import SafeRunner
from mmkd.engine.work_folder import WorkFolderError, locked
from mmkd.hooks import ResumeMismatchError, StoppedError


def safe(folder: Path, model=None, **fields) -> SafeRunner:
    return SafeRunner.from_cfg(config(folder, model, **{**checkpoints(), **fields}))


def trained(folder: Path, model=None, **fields) -> SafeRunner:
    runner = safe(folder, model, **fields)
    runner.train()
    return runner


def names(folder: Path, pattern: str = "*.pth") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def test_a_config_names_it(tmp_path):
    from mmkd.engine.launch import build_runner

    assert isinstance(build_runner(config(tmp_path)), SafeRunner)


@pytest.mark.parametrize("model", [classifier(), None], ids=["plain", "distiller"])
def test_a_damaged_newest_checkpoint_is_passed_over_for_a_good_one(tmp_path, model):
    first = trained(tmp_path, model)
    damage(tmp_path / "epoch_2.pth")
    again = trained(tmp_path, model, resume=True)
    assert "epoch_2.pth is damaged" in log_text(again)
    assert again.epoch == 2
    assert equal(weights(first), weights(again))


def test_no_good_checkpoint_is_an_error_and_not_a_start_from_nothing(tmp_path):
    trained(tmp_path)
    damage(tmp_path / "epoch_1.pth")
    damage(tmp_path / "epoch_2.pth")
    with pytest.raises(BrokenCheckpointError, match=r"can be read \(epoch_2\.pth, epoch_1\.pth\)"):
        trained(tmp_path, resume=True)


@pytest.mark.parametrize("pointer", [None, "", "/nowhere/epoch_9.pth", "\0"])
def test_a_missing_or_dangling_pointer_is_done_without(tmp_path, pointer):
    trained(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=1))
    (tmp_path / "last_checkpoint").unlink()
    if pointer is not None:
        (tmp_path / "last_checkpoint").write_text(pointer)
    runner = safe(tmp_path, resume=True)
    runner.train()
    assert "resumed epoch: 1" in log_text(runner) or runner.epoch == 2
    assert json.loads((tmp_path / "run.json").read_text())["resumed_at"] == 2


def test_a_start_over_checkpoints_is_refused_unless_it_is_meant(tmp_path):
    trained(tmp_path)
    with pytest.raises(WorkFolderError, match=r"newest epoch_2\.pth.*--resume.*--overwrite"):
        trained(tmp_path)
    assert trained(tmp_path, overwrite=True).epoch == 2


@pytest.mark.slow
def test_a_second_run_in_a_folder_is_refused_until_the_first_ends(tmp_path):
    hold = (
        "import sys, time\nfrom mmkd.engine.work_folder import locked\n"
        "with locked(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", hold, tmp_path], stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(WorkFolderError, match=rf"\(process {other.pid} on "):
        safe(tmp_path).train()
    other.kill()
    other.wait()
    with locked(tmp_path):
        pass


class FailingError(Exception):
    pass


@HOOKS.register_module()
class FailWhileSaving(Hook):
    """Fails after the old checkpoint would have been removed and before the new one is there."""

    def before_save_checkpoint(self, runner, checkpoint):
        if runner.epoch == 1:
            raise FailingError


def test_a_failure_while_saving_leaves_the_last_checkpoint(tmp_path):
    fields = checkpoints(max_keep_ckpts=1)
    fields["custom_hooks"].append(dict(type="FailWhileSaving"))
    with pytest.raises(FailingError):
        trained(tmp_path, **fields)
    assert names(tmp_path) == ["epoch_1.pth", "epoch_1_student.pth"]
    assert json.loads((tmp_path / "run.json").read_text())["reason"] == "FailingError: "


def test_old_checkpoints_go_when_the_new_one_is_there(tmp_path):
    trained(tmp_path, **checkpoints(max_keep_ckpts=1), **validation())
    assert names(tmp_path) == ["epoch_2.pth", "epoch_2_student.pth"]
    assert names(tmp_path, "*.sha256") == ["epoch_2.pth.sha256", "epoch_2_student.pth.sha256"]


@HOOKS.register_module()
class SignalHook(Hook):
    """Sends a signal to this process in an iteration."""

    def __init__(self, at: int, number: int = signal.SIGTERM) -> None:
        self.at, self.number = at, number

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            os.kill(os.getpid(), self.number)


def stopped(folder: Path, at: int, number: int = signal.SIGTERM, **fields) -> SafeRunner:
    runner = safe(folder, **fields)
    runner.register_hook(SignalHook(at, number))
    with pytest.raises(StoppedError) as error:
        runner.train()
    assert error.value.code == 128 + number
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    return runner


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_stopped_run_goes_on_within_the_epoch_as_if_nothing_was(tmp_path, at, number):
    whole = trained(tmp_path / "whole")
    stopped(tmp_path / "cut", at, number)
    assert f"iter_{at + 1}.pth" in names(tmp_path / "cut")
    again = trained(tmp_path / "cut", resume=True)
    assert again.iter == 4
    assert equal(weights(whole), weights(again))
    assert names(tmp_path / "cut", "iter*") == []


def test_a_stopped_run_over_iterations_goes_on(tmp_path):
    fields = dict(
        train_cfg=dict(by_epoch=False, max_iters=4, val_interval=10),
        train_dataloader=loader(shuffle=True, endless=True),
        **checkpoints(by_epoch=False, interval=2),
    )
    whole = trained(tmp_path / "whole", **fields)
    stopped(tmp_path / "cut", 2, **fields)
    again = trained(tmp_path / "cut", resume=True, **fields)
    assert equal(weights(whole), weights(again))
    assert names(tmp_path / "cut") == names(tmp_path / "whole")


@pytest.mark.slow
def test_a_second_signal_ends_at_once(tmp_path):
    from mmkd.hooks import StopHook

    code = (
        "import os, signal\nfrom types import SimpleNamespace\nfrom mmkd.hooks import StopHook\n"
        "StopHook().before_train(SimpleNamespace())\n"
        "os.kill(os.getpid(), signal.SIGTERM); print('noted', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM); print('still there', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert StopHook.priority == "LOWEST"
    assert done.stdout == "noted\n"
    assert done.returncode == -signal.SIGTERM


def test_resuming_with_other_terms_or_another_teacher_is_refused_with_the_difference(tmp_path):
    one = dict(train_cfg=dict(by_epoch=True, max_epochs=1))
    path = initialised(classifier(6), tmp_path / "teacher.pth")
    teacher = dict(model=classifier(6), checkpoint=str(path))
    trained(tmp_path / "run", distiller(teacher=teacher), **one)
    terms = dict(kd=KD["kd"] | dict(weight=0.5))
    with pytest.raises(
        ResumeMismatchError, match=r"model\.terms\.kd\.weight was not there, is 0\.5"
    ):
        trained(tmp_path / "run", distiller(teacher=teacher, terms=terms), resume=True)
    initialised(classifier(6), path, seed=1)
    with pytest.raises(ResumeMismatchError, match="weights of teacher teacher was sha256:"):
        trained(tmp_path / "run", distiller(teacher=teacher), resume=True)
    forced = trained(tmp_path / "run", distiller(teacher=teacher), resume=True, force_resume=True)
    assert forced.epoch == 2


def test_resuming_with_other_data_is_refused(tmp_path):
    trained(tmp_path)
    with pytest.raises(ResumeMismatchError, match=r"train_dataloader\.dataset\.seed was not there"):
        trained(tmp_path, resume=True, train_dataloader=loader(shuffle=True, seed=7))


def test_a_record_says_what_the_run_was(tmp_path):
    runner = trained(tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    saved = torch.load(tmp_path / "epoch_2.pth")["meta"]["mmkd"]
    assert record["reason"] == "finished"
    assert record["started"] <= record["ended"]
    assert record["seed"] == runner.seed == 0
    assert record["iterations"] == 4
    assert set(record["hashes"]) == {"weights of teacher teacher", "index of the training data"}
    assert {"command", "commit", "machine", "versions", "config"} <= set(record)
    assert saved["record"]["hashes"] == record["hashes"]
    assert saved["identity"]["model.input_shape"] == "[3, 16, 16]"


def test_the_history_of_the_log_in_checkpoints_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("mmkd.hooks.keep_checkpoints_hook.LOGGED", 3)
    fields = dict(train_cfg=dict(by_epoch=True, max_epochs=6))
    trained(tmp_path, **fields)
    log = torch.load(tmp_path / "epoch_6.pth")["message_hub"]["log_scalars"]
    assert len(log["train/loss"].data[0]) <= 2 * 2 + 2


def test_a_link_planted_as_pointer_or_config_is_not_followed(tmp_path):
    outside, folder = tmp_path / "precious", tmp_path / "run"
    outside.write_text("precious")
    folder.mkdir()
    (folder / "last_checkpoint").symlink_to(outside)
    (folder / "epoch_1_student.pth").symlink_to(outside)
    (folder / "run.json").symlink_to(outside)
    trained(folder)
    assert outside.read_text() == "precious"
    assert not (folder / "last_checkpoint").is_symlink()


@pytest.mark.parametrize(
    ("given", "built"),
    [
        (dict(), "mmkd.CohortValLoop"),
        (dict(type="ValLoop"), "mmkd.CohortValLoop"),
        (dict(type="MyValLoop"), "MyValLoop"),
    ],
)
def test_a_cohort_is_validated_by_a_loop_of_its_own_in_place_of_mmengines(
    given: dict[str, str], built: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configs of mmdet and mmseg name MMEngine's loop."""
    runner = object.__new__(SafeRunner)
    monkeypatch.setattr("mmkd.engine.runner.cohort_of", lambda _: object())
    assert runner._for_cohort(given, "type", "mmkd.CohortValLoop")["type"] == built
    monkeypatch.setattr("mmkd.engine.runner.cohort_of", lambda _: None)
    assert runner._for_cohort(given, "type", "mmkd.CohortValLoop") == given
