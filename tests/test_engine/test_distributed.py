"""Preparation of several processes. Their equal training is tested with tools/dist_train.sh."""

import pytest
import torch
from mmengine.config import Config
from mmengine.dist import is_distributed
from tool_runs import free_port
from torch import distributed

from mmkd.engine import distributed as ours
from mmkd.engine import leave_processes, prepare_processes
from mmkd.engine.launch import ArgumentError


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> str:
    """The variables of a group of one process, and its port; the group ends with the test."""
    port = str(free_port())
    values = dict(RANK=0, WORLD_SIZE=1, LOCAL_RANK=0, MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(ours, "get_device", lambda: "cpu")
    yield port
    leave_processes()


def test_joins_with_gloo_and_wraps_without_a_device(alone: str) -> None:
    config = Config(dict(launcher="pytorch", find_unused_parameters=True))
    prepare_processes(config)
    assert is_distributed()
    assert distributed.get_backend() == "gloo"
    assert config.model_wrapper_cfg == dict(
        type="MMDistributedDataParallel",
        broadcast_buffers=False,
        find_unused_parameters=True,
        device_ids=None,
    )


def test_keeps_what_the_config_says_of_the_wrapper(alone: str) -> None:
    given = dict(type="MMDistributedDataParallel", broadcast_buffers=True)
    config = Config(dict(launcher="pytorch", model_wrapper_cfg=given))
    prepare_processes(config)
    assert config.model_wrapper_cfg.broadcast_buffers
    assert config.model_wrapper_cfg.device_ids is None


def test_reads_the_variables_of_slurm(alone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name)
    for name, value in dict(SLURM_PROCID="0", SLURM_NTASKS="1", SLURM_LOCALID="0").items():
        monkeypatch.setenv(name, value)
    prepare_processes(Config(dict(launcher="slurm")))
    assert (distributed.get_rank(), distributed.get_world_size()) == (0, 1)


def test_leaves_a_single_process_alone() -> None:
    config = Config(dict(launcher="none"))
    prepare_processes(config)
    assert not is_distributed()
    assert "model_wrapper_cfg" not in config


def test_more_processes_than_gpus_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "get_device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(ArgumentError, match="2 processes were started on a machine with 1 GPU"):
        prepare_processes(Config(dict(launcher="pytorch")))
