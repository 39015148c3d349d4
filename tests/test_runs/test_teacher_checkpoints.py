"""Files from which a teacher's weights are read, and files that are refused."""

import os
import pickle
import re
from argparse import Namespace
from zipfile import ZipFile

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from runs import checkpoints, config, distiller, equal, run, weights
from tiny import classifier
from tiny import distiller as build_distiller

from mmkd.compat.checkpoints import BrokenCheckpointError, UnsafeCheckpointError, load_checkpoint
from mmkd.networks.building import build_network, network_config

TEACHER = classifier(6)


class Attack:
    """Runs a command where it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def checkpoint(**more):
    return dict(state_dict=build_network(network_config(TEACHER)).state_dict(), **more)


def load(path, **arguments):
    teacher = dict(model=TEACHER, checkpoint=str(path), **arguments)
    return build_distiller(teacher=teacher).teachers["teacher"].network


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_malicious_pickle_is_refused_and_nothing_runs(tmp_path, legacy):
    path, trace = tmp_path / "teacher.pth", tmp_path / "executed"
    content = checkpoint(meta=Attack(os.system, f"touch {trace}"))
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UnsafeCheckpointError, match="trust_checkpoint=True") as error:
        load(path)
    assert str(path) in str(error.value)
    assert "system" in str(error.value)
    assert not trace.exists()


def test_a_plain_pickle_is_refused_and_nothing_runs(tmp_path):
    path, trace = tmp_path / "teacher.pkl", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Attack(os.system, f"touch {trace}"), protocol=2))
    with pytest.raises((UnsafeCheckpointError, BrokenCheckpointError), match=r"teacher\.pkl"):
        load(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(HistoryBuffer, "__init__"), (HistoryBuffer.min, "__globals__"), (torch.Tensor, "min")],
)
def test_the_attributes_that_a_checkpoint_may_ask_for_are_those_of_log_buffers(
    tmp_path, owner, name
):
    path = tmp_path / "teacher.pth"
    torch.save(checkpoint(meta=Attack(getattr, owner, name, None)), path)
    with pytest.raises(UnsafeCheckpointError, match="getattr"):
        load(path)


def test_one_that_needs_more_than_tensors_loads_where_it_is_trusted(tmp_path):
    path = tmp_path / "teacher.pth"
    content = checkpoint(args=Namespace(lr=0.1))
    torch.save(content, path)
    with pytest.raises(UnsafeCheckpointError, match=r"argparse\.Namespace"):
        load(path)
    network = load(path, trust_checkpoint=True)
    assert equal(dict(network.state_dict()), dict(content["state_dict"]))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 a damaged zip file"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "teacher.pth"
    path.write_bytes(content)
    with pytest.raises(BrokenCheckpointError, match=r"teacher\.pth"):
        load(path)


def test_a_truncated_checkpoint_is_named(tmp_path):
    path = tmp_path / "teacher.pth"
    torch.save(checkpoint(), path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(BrokenCheckpointError, match=r"teacher\.pth.* may be damaged"):
        load(path)


def test_loading_a_teacher_leaves_what_torch_may_load_as_it_was(tmp_path):
    torch.save(checkpoint(), tmp_path / "teacher.pth")
    before = set(torch.serialization.get_safe_globals())
    load(tmp_path / "teacher.pth")
    assert set(torch.serialization.get_safe_globals()) == before
    assert HistoryBuffer in before
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def test_a_training_checkpoint_of_mmengine_loads_as_it_is(tmp_path):
    runner = run(tmp_path, TEACHER, **checkpoints())
    path = tmp_path / "epoch_2.pth"
    assert load_checkpoint(path)["message_hub"]["log_scalars"]  # with log buffers
    assert equal(dict(load(path).state_dict()), weights(runner))


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_it_loads_whichever_numpy_wrote_it(tmp_path, module):
    run(tmp_path, TEACHER, **checkpoints())
    path = tmp_path / "rewritten.pth"
    with ZipFile(tmp_path / "epoch_2.pth") as old, ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                content = re.sub(rb"numpy\._?core\.multiarray", module, content)
                assert module in content
            new.writestr(name, content)
    assert load(path) is not None


def test_the_student_of_a_distillation_checkpoint_becomes_a_teacher(tmp_path):
    runner = run(tmp_path, distiller(student=TEACHER), **checkpoints())
    with pytest.raises(ValueError, match=r"set prefix='student\.'"):
        load(tmp_path / "epoch_2.pth")
    whole = load(tmp_path / "epoch_2.pth", prefix="student.")
    alone = load(tmp_path / "epoch_2_student.pth")
    assert equal(dict(whole.state_dict()), weights(runner))
    assert equal(dict(alone.state_dict()), weights(runner))


def test_a_run_resumes_without_full_unpickling(tmp_path, monkeypatch):
    fields = checkpoints()
    run(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=1), **fields)
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    assert run(tmp_path, resume=True, **fields).epoch == 2


def test_a_missing_file_fails_before_any_data_is_read(tmp_path):
    model = distiller(teacher=dict(model=TEACHER, checkpoint=str(tmp_path / "nowhere.pth")))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        Runner.from_cfg(config(tmp_path, model, train_dataloader=dict(dataset=None)))
