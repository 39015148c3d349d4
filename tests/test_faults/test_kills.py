"""Real runs that are killed, stopped, hung or starved of disk: what is left, and what comes next.

``FAULT_KILLS`` and ``FAULT_SAVES`` say at how many moments; docs/reliability.md has the figures of
longer runs.
"""

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from test_faults import faulty
from tool_runs import ROOT

from mmkd.compat.checkpoints import load_checkpoint

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("FAULT_KILLS", 2))
SAVES = int(os.environ.get("FAULT_SAVES", 3))
LAST = {"epoch": "epoch_4.pth", "iteration": "iter_8.pth"}


class Forked:
    """A run as a copy of this process, which has imported everything: 100 of them take minutes."""

    def __init__(self, folder: Path, arguments: tuple[str, ...]) -> None:
        fork = multiprocessing.get_context("fork")
        self.process = fork.Process(target=self._run, args=(folder, arguments))
        self.process.start()
        self.pid = self.process.pid

    @staticmethod
    def _run(folder: Path, arguments: tuple[str, ...]) -> None:
        os.setsid()
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulty.main([str(folder), *arguments])

    def wait(self, timeout: float | None = None) -> int | None:
        self.process.join(timeout)
        return self.process.exitcode


def start(folder: Path, *arguments: str, processes: int = 1) -> Any:
    folder.mkdir(exist_ok=True)
    if processes == 1:
        return Forked(folder, arguments)
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    paths = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    with open(folder / "output", "a") as output:
        return subprocess.Popen(
            [sys.executable, *launch, faulty.__file__, folder, *arguments],
            env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(folder: Path, *arguments: str, processes: int = 1) -> None:
    process = start(folder, *arguments, processes=processes)
    assert process.wait(300) == 0, (folder / "output").read_text()[-3000:]


def wait_for(path: Path, seconds: float = 120) -> None:
    end = time.time() + seconds
    while not path.exists():
        assert time.time() < end, f"no {path}"
        time.sleep(0.005)


def kill_all(process: Any) -> None:
    """Kill a run with all its processes, as a machine that loses power does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def state(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path)["state_dict"]


def same(one: Path, other: Path) -> bool:
    first, second = state(one), state(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def numbered(folder: Path) -> list[Path]:
    found = [*folder.glob("epoch_?.pth"), *folder.glob("iter_?.pth")]
    return sorted(found, key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module", params=["epoch", "iteration"])
def whole(request, tmp_path_factory) -> tuple[str, Path]:
    """A loop, and the folder of a run of it that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    finish(folder, request.param)
    return request.param, folder


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_run_killed_at_any_moment_ends_as_if_it_was_not(tmp_path, whole, moment):
    loop, reference = whole
    generator = random.Random(moment)
    process = start(tmp_path / "run", loop, "slow=0.05")
    wait_for(tmp_path / "run" / "progress")
    time.sleep(generator.uniform(0, 0.6))
    kill_all(process)
    kept = [load_checkpoint(path)["meta"]["iter"] for path in numbered(tmp_path / "run")]
    reached = int((tmp_path / "run" / "progress").read_text() or 0)
    assert reached - max(kept, default=0) <= (3 if loop == "epoch" else 5)
    finish(tmp_path / "run", loop, "resume")
    assert same(tmp_path / "run" / LAST[loop], reference / LAST[loop])


@pytest.mark.parametrize("moment", range(SAVES))
def test_a_run_killed_while_it_saves_has_a_good_checkpoint(tmp_path, whole, moment):
    """With max_keep_ckpts=1, in the middle of the second or a later one."""
    loop, reference = whole
    process = start(tmp_path / "run", loop, "slow_save=0.1")
    wait_for(tmp_path / "run" / "last_checkpoint")
    time.sleep(random.Random(moment).uniform(0, 0.5))
    kill_all(process)
    kept = numbered(tmp_path / "run")
    assert kept
    for path in kept:
        load_checkpoint(path)
    finish(tmp_path / "run", loop, "resume")
    assert same(tmp_path / "run" / LAST[loop], reference / LAST[loop])
    assert not [*(tmp_path / "run").glob(".*.tmp")]


def test_two_processes_killed_and_resumed_end_as_if_they_were_not(tmp_path):
    finish(tmp_path / "whole", "epoch", processes=2)
    process = start(tmp_path / "run", "epoch", "slow=0.1", processes=2)
    wait_for(tmp_path / "run" / "last_checkpoint")
    kill_all(process)
    finish(tmp_path / "run", "epoch", "resume", processes=2)
    assert same(tmp_path / "run" / "epoch_4.pth", tmp_path / "whole" / "epoch_4.pth")


def test_sigterm_to_two_processes_leaves_a_checkpoint_of_that_iteration(tmp_path):
    process = start(tmp_path / "run", "epoch", "slow=0.3", processes=2)
    wait_for(tmp_path / "run" / "progress")
    process.terminate()
    assert process.wait(60) != 0
    [stopped] = (tmp_path / "run").glob("iter_*.pth")
    assert load_checkpoint(stopped)["meta"]["stopped"]
    finish(tmp_path / "run", "epoch", "resume", processes=2)
    assert (tmp_path / "run" / "epoch_4.pth").exists()


def test_ranks_end_when_torchrun_is_killed(tmp_path):
    process = start(tmp_path / "run", "epoch", "slow=1", processes=2)
    wait_for(tmp_path / "run" / "progress")
    ranks = psutil.Process(process.pid).children(recursive=True)
    assert len(ranks) >= 2
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(ranks, timeout=5)
    assert not alive


def test_a_hanging_rank_ends_the_run_and_is_named(tmp_path):
    process = start(tmp_path / "run", "epoch", "hang=1", processes=2)
    assert process.wait(180) != 0
    output = (tmp_path / "run" / "output").read_text()
    assert "No progress for 10 s in iteration" in output
    assert "rank 1 is in after_train_iter" in output
    assert "rank 0 is in" not in output


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(path: Path) -> None:
    """Write a file until the disk is full."""
    with open(path, "wb", 0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_ends_in_words_and_keeps_the_last_checkpoint(small_disk):
    run = small_disk / "run"
    process = start(run, "epoch", "slow=0.2")
    wait_for(run / "last_checkpoint")
    fill(small_disk / "ballast")
    assert process.wait(60) != 0
    kept = numbered(run)
    assert kept
    for path in kept:
        load_checkpoint(path)
    assert not [*run.glob(".*.tmp")]
    (small_disk / "ballast").unlink()
    finish(run, "epoch", "resume")
