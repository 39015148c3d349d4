"""Real runs that are killed, stopped, hung or starved of disk: what is left, and what comes next.

``FAULT_KILLS`` and ``FAULT_SAVES`` say at how many moments, over epochs and over iterations, with
one process and with two; docs/reliability.md has the figures of longer runs.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from socket import socket

import psutil
import pytest
import torch
from test_faults import faulty
from tool_runs import ROOT

from mmkd.compat.checkpoints import load_checkpoint

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("FAULT_KILLS", 1))
SAVES = int(os.environ.get("FAULT_SAVES", 1))
LAST = {"epoch": "epoch_4.pth", "iteration": "iter_8.pth"}


class Forked:
    """A run as copies of this process, which has imported everything: 100 of them take minutes."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], processes: int) -> None:
        fork = multiprocessing.get_context("fork")
        group: dict[str, str] = {}
        if processes > 1:
            with socket() as free:
                free.bind(("127.0.0.1", 0))
                group = dict(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free.getsockname()[1]))
        self.ranks = []
        for rank in map(str, range(processes)):
            if group:
                group |= dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=str(processes))
            self.ranks.append(fork.Process(target=self._run, args=(folder, arguments, {**group})))
            self.ranks[-1].start()

    @staticmethod
    def _run(folder: Path, arguments: tuple[str, ...], group: dict[str, str]) -> None:
        os.environ.update(group)
        output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        faulty.main([str(folder), *arguments])

    def wait(self, timeout: float | None = None) -> int | None:
        for rank in self.ranks:
            rank.join(timeout)
        codes = [rank.exitcode for rank in self.ranks]
        return next((code for code in codes if code != 0), 0)

    def kill(self) -> None:
        """Kill all processes, as a machine that loses power does."""
        for rank in self.ranks:
            rank.kill()
        self.wait()


def start(folder: Path, *arguments: str, processes: int = 1) -> Forked:
    folder.mkdir(exist_ok=True)
    return Forked(folder, arguments, processes)


def launch(folder: Path, *arguments: str) -> subprocess.Popen:
    """Start a run of two processes by torchrun."""
    folder.mkdir(exist_ok=True)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    paths = os.pathsep.join(map(str, (ROOT / "tests", ROOT)))
    with open(folder / "output", "a") as output:
        return subprocess.Popen(
            [sys.executable, *torchrun, faulty.__file__, folder, *arguments],
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


def state(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path)["state_dict"]


def same(one: Path, other: Path) -> bool:
    first, second = state(one), state(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def numbered(folder: Path) -> list[Path]:
    found = [*folder.glob("epoch_?.pth"), *folder.glob("iter_?.pth")]
    return sorted(found, key=lambda path: path.stat().st_mtime)


Whole = tuple[str, int, Path]


@pytest.fixture(scope="module", params=itertools.product(LAST, (1, 2)), ids=str)
def whole(request, tmp_path_factory) -> Whole:
    """A loop, a number of processes, and the folder of such a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    loop, processes = request.param
    finish(folder, loop, processes=processes)
    return loop, processes, folder


def resume(folder: Path, whole: Whole) -> None:
    """Resume a run, and compare its end with that of the whole one."""
    loop, processes, reference = whole
    finish(folder, loop, "resume", processes=processes)
    assert same(folder / LAST[loop], reference / LAST[loop])


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_run_killed_at_any_moment_ends_as_if_it_was_not(tmp_path, whole, moment):
    loop, processes, _ = whole
    process = start(tmp_path / "run", loop, "slow=0.05", processes=processes)
    wait_for(tmp_path / "run" / "progress")
    time.sleep(random.Random(moment).uniform(0, 0.6))
    process.kill()
    kept = [load_checkpoint(path)["meta"]["iter"] for path in numbered(tmp_path / "run")]
    reached = int((tmp_path / "run" / "progress").read_text() or 0)
    assert reached - max(kept, default=0) <= (3 if loop == "epoch" else 5)
    resume(tmp_path / "run", whole)


@pytest.mark.parametrize("moment", range(SAVES))
def test_a_run_killed_while_it_saves_has_a_good_checkpoint(tmp_path, whole, moment):
    """With max_keep_ckpts=1, in the middle of the second or a later one."""
    loop, processes, _ = whole
    process = start(tmp_path / "run", loop, "slow_save=0.1", processes=processes)
    wait_for(tmp_path / "run" / "last_checkpoint")
    time.sleep(random.Random(moment).uniform(0, 0.5))
    process.kill()
    kept = numbered(tmp_path / "run")
    assert kept
    for path in kept:
        load_checkpoint(path)
    resume(tmp_path / "run", whole)
    assert not [*(tmp_path / "run").glob(".*.tmp")]


def test_sigterm_to_two_processes_leaves_a_checkpoint_of_that_iteration(tmp_path):
    process = launch(tmp_path / "run", "epoch", "slow=0.3")
    wait_for(tmp_path / "run" / "progress")
    process.terminate()
    assert process.wait(60) != 0
    [stopped] = (tmp_path / "run").glob("iter_*.pth")
    assert load_checkpoint(stopped)["meta"]["stopped"]
    finish(tmp_path / "run", "epoch", "resume", processes=2)
    assert (tmp_path / "run" / "epoch_4.pth").exists()


def test_ranks_end_when_torchrun_is_killed(tmp_path):
    process = launch(tmp_path / "run", "epoch", "slow=1")
    wait_for(tmp_path / "run" / "progress")
    ranks = psutil.Process(process.pid).children(recursive=True)
    assert len(ranks) >= 2
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(ranks, timeout=5)
    assert not alive


def test_the_other_ranks_end_when_one_dies(tmp_path):
    process = launch(tmp_path / "run", "epoch", "die=1")
    assert process.wait(90) != 0
    assert numbered(tmp_path / "run") == [tmp_path / "run" / "epoch_2.pth"]


def test_all_ranks_stop_together_when_one_reads_what_is_not_finite(tmp_path):
    process = start(tmp_path / "run", "epoch", "nan=1", processes=2)
    process.wait(90)
    assert [rank.exitcode for rank in process.ranks] == [1, 1]
    # Rank 0 writes it, whose own images are finite.
    reason = json.loads((tmp_path / "run" / "run.json").read_text())["reason"]
    assert reason.startswith("NonFiniteError: Not finite in iteration 3: ")
    for path in numbered(tmp_path / "run"):
        assert all(value.isfinite().all() for value in state(path).values())


def test_a_hanging_rank_ends_the_run_and_is_named(tmp_path):
    process = launch(tmp_path / "run", "epoch", "hang=1")
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
