"""Joining and leaving a run's process group, where MMEngine's launchers are not enough."""

import ctypes
import gc
import os
import signal
import subprocess
import sys
from datetime import timedelta

import torch

# The functions of this torch module bind the default group as a default argument at import. If DDP
# imported the module, a group would exist already, and the functions would keep that group and its
# threads alive until Python ends.
import torch.distributed.nn.functional
from mmengine.config import Config
from mmengine.device import get_device
from torch import distributed

from mmkd.engine.cohort_config import member_names
from mmkd.engine.launch import ArgumentError

# Variables in which launchers that do not set torch's variables keep RANK, WORLD_SIZE and
# LOCAL_RANK.
RANKS = {
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
DEFAULT_PORT = "29500"
SET_PARENT_DEATH_SIGNAL = 1  # a constant of Linux's prctl


def prepare_processes(config: Config) -> None:
    """Prepare a launched run for CPUs, or for a cohort. Call this before the Runner is built.

    MMEngine selects a CUDA device when it joins the process group and again when it wraps the
    model, whatever the backend. Without a GPU this function therefore joins the group with gloo
    first, and sets the model wrapper. A cohort gets MMEngine's wrapper for models with several
    optimizers. For ``launcher='none'`` the function does nothing.

    Raises:
        ArgumentError: If there are GPUs, but fewer than processes.
    """
    launcher = config.get("launcher", "none")
    if launcher == "none":
        return
    _end_with_launcher()
    if member_names(config):
        config.setdefault("model_wrapper_cfg", dict(type="MMSeparateDistributedDataParallel"))
    if get_device() != "cpu":
        _check_gpus()
        return
    if not distributed.is_initialized():
        _export_ranks(launcher)
        seconds = config.get("env_cfg", {}).get("dist_cfg", {}).get("timeout")
        timeout = None if seconds is None else timedelta(seconds=seconds)
        distributed.init_process_group("gloo", timeout=timeout)
    # These are MMEngine's defaults, which it applies only if the config has no wrapper.
    defaults = dict(
        type="MMDistributedDataParallel",
        broadcast_buffers=False,
        find_unused_parameters=config.get("find_unused_parameters", False),
    )
    given = config.get("model_wrapper_cfg") or {}
    config.model_wrapper_cfg = {**defaults, **given, "device_ids": None}


def leave_processes() -> None:
    """Leave the process group, if there is one. Call this after all references to the Runner ended.

    Gloo's threads end when the last reference to their group is dropped. If Python ends while one
    of them is still releasing a tensor, the process aborts. The Runner and its model refer to each
    other and to the group, so the garbage collector has to free them first. The reference in this
    function then is the last one, which it has to be: only when torch drops a Python reference does
    it wait for the threads without holding Python's lock.
    """
    if not distributed.is_initialized():
        return
    group = distributed.group.WORLD
    distributed.destroy_process_group()
    gc.collect()
    del group


def _end_with_launcher() -> None:
    """Make the kernel end this process when torchrun ends, even if torchrun is killed.

    Otherwise the process would continue to train, and nothing could restart or stop it.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _check_gpus() -> None:
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if torch.cuda.is_available() and processes > torch.cuda.device_count():
        raise ArgumentError(
            f"{processes} processes were started on a machine with {torch.cuda.device_count()} "
            "GPUs: start at most one for each GPU, or hide the GPUs with CUDA_VISIBLE_DEVICES=-1."
        )


def _export_ranks(launcher: str) -> None:
    """Set the variables by which torch's processes reach each other, as torchrun does."""
    for name, source in zip(
        ("RANK", "WORLD_SIZE", "LOCAL_RANK"), RANKS.get(launcher, ()), strict=False
    ):
        os.environ[name] = os.environ[source]
    os.environ.setdefault("MASTER_PORT", DEFAULT_PORT)
    if "MASTER_ADDR" not in os.environ:
        os.environ["MASTER_ADDR"] = _first_host() if launcher == "slurm" else "127.0.0.1"


def _first_host() -> str:
    nodes = os.environ["SLURM_NODELIST"]
    command = ["scontrol", "show", "hostnames", nodes]
    hosts = subprocess.run(command, capture_output=True, text=True, check=True)
    return hosts.stdout.split()[0]
