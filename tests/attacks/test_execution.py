"""No file of weights executes anything, wherever in a run it is read."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from attacks.hostile import EXECUTING, evil_config, evil_meta, touch
from mmengine.runner import Runner
from runs import config, distiller, separate_runs  # noqa: F401
from tiny import classifier

from mmkd.compat.archives import BrokenCheckpointError
from mmkd.compat.checkpoints import UnsafeCheckpointError, load_checkpoint, trusting
from mmkd.compat.pickles import UnsafePickleError, load_plain_pickle
from mmkd.networks.building import build_network, network_config

REFUSALS = (UnsafeCheckpointError, BrokenCheckpointError)
PICKLES = [attack for attack in EXECUTING if attack is not evil_config]


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "executed"


def weights():
    return build_network(network_config(classifier())).state_dict()


def plain(folder: Path, **fields) -> Runner:
    return Runner.from_cfg(config(folder, classifier(), **fields))


def load_from(path: Path, folder: Path) -> None:
    plain(folder, load_from=str(path)).train()


def resume(path: Path, folder: Path) -> None:
    plain(folder, load_from=str(path), resume=True).train()


def resume_automatically(path: Path, folder: Path) -> None:
    (folder / "last_checkpoint").write_text(str(path))
    plain(folder, resume=True).train()


def pretrained_student(path: Path, folder: Path) -> None:
    model = classifier(init_cfg=dict(type="Pretrained", checkpoint=str(path)))
    Runner.from_cfg(config(folder, distiller(student=model))).train()


def pretrained_backbone(path: Path, folder: Path) -> None:
    model = classifier()
    model["backbone"]["init_cfg"] = dict(type="Pretrained", checkpoint=str(path), prefix="backbone")
    Runner.from_cfg(config(folder, model)).train()


def pretrained_teacher(path: Path, folder: Path) -> None:
    model = classifier(init_cfg=dict(type="Pretrained", checkpoint=str(path)))
    Runner.from_cfg(config(folder, distiller(teacher=dict(model=model))))


def teacher(path: Path, folder: Path) -> None:
    model = dict(model=classifier(), checkpoint=str(path))
    Runner.from_cfg(config(folder, distiller(teacher=model)))


READERS = (
    load_from,
    resume,
    resume_automatically,
    pretrained_student,
    pretrained_backbone,
    pretrained_teacher,
    teacher,
)


@pytest.mark.parametrize("attack", PICKLES, ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_a_hostile_pickle_is_refused_and_nothing_runs(tmp_path, mark, attack, read):
    path = tmp_path / "hostile.pth"
    attack(weights(), path, mark)
    with pytest.raises(REFUSALS, match=r"hostile\.pth"):
        read(path, tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_code_in_a_checkpoints_config_stays_text(tmp_path, mark, read):
    path = tmp_path / "hostile.pth"
    evil_config(weights(), path, mark)
    read(path, tmp_path)
    assert not mark.exists()


def test_the_attacks_work_where_nothing_stops_them(tmp_path, mark):
    """The attacks must work here; the tests above would show nothing otherwise."""
    path = tmp_path / "hostile.pth"
    evil_meta(weights(), path, mark)
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_trusting_a_checkpoint_is_the_way_round(tmp_path, mark):
    path = tmp_path / "hostile.pth"
    evil_meta(weights(), path, mark)
    with trusting(True):
        load_from(path, tmp_path)
    assert mark.exists()


def test_a_loader_does_not_depend_on_what_torch_was_told_before(tmp_path):
    """MMEngine's own loader takes back what torch may load; ours says it anew."""
    runner = plain(tmp_path, default_hooks=dict(checkpoint=dict(type="CheckpointHook")))
    runner.train()
    torch.serialization.clear_safe_globals()
    assert "message_hub" in load_checkpoint(tmp_path / "epoch_2.pth")


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["test.py", "model_converters/export_student.py"])
def test_the_tools_refuse_it_too(tmp_path, mark, tool):
    path = tmp_path / "hostile.pth"
    evil_meta(weights(), path, mark)
    tools = Path(__file__).parents[2] / "tools"
    command = [sys.executable, tools / tool, "mmkd::quickstart/kd_digits.py", path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Refused to load" in done.stderr
    assert "Traceback" not in done.stderr
    assert not mark.exists()


def test_a_pickle_of_data_executes_nothing(tmp_path, mark):
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps({b"data": touch(mark)}, protocol=2))
    with pytest.raises(UnsafePickleError, match=r"data_batch_1: it asks for posix\.system"):
        load_plain_pickle(path)
    assert not mark.exists()
