"""Free memory, and whether the students of a cohort fit into it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mmkd.benchmark.runs import Run

# A student's weights, their gradients, and the two states of an optimizer such as Adam.
COPIES = 4


@dataclass(frozen=True)
class Room:
    """Memory that is available for the students of a cohort besides the largest one.

    In a step the members of a cohort are trained one after another. A cohort therefore needs the
    memory of a run of its largest member, plus ``COPIES`` times the bytes of each other member's
    weights. Half of the free memory is reserved for the other members; the other half is for the
    teachers, the tensors of a step and the loading of the data, which a separate run needs too.

    Attributes:
        free: Bytes that are free for one process.
        weights: Bytes of the trained weights and buffers of each run, without teachers, by the
            run's work folder.
    """

    free: int
    weights: Mapping[Path, int]

    @property
    def further(self) -> int:
        """Bytes that are available for the other students."""
        return self.free // 2

    def needed(self, runs: Sequence[Run]) -> int:
        """Return the bytes that all students of a cohort but the largest need."""
        sizes = [self.weights[run.work_dir] for run in runs]
        return COPIES * (sum(sizes) - max(sizes))

    def holds(self, runs: Sequence[Run]) -> bool:
        """Return whether the students of some runs can be trained together."""
        return self.needed(runs) <= self.further


def free_bytes(proc: Path = Path("/proc"), control: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the free bytes of the GPU or, without a GPU, of the machine or this container.

    The kernel's cache of files counts as free memory, because the kernel releases it on demand.

    Args:
        proc: Folder of Linux's process information.
        control: Folder of the container's control group, version 2.
    """
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    if not (proc / "meminfo").exists():  # not Linux: other systems report free memory differently
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = _numbers(proc / "meminfo")["MemAvailable:"] * 1024
    limit = control / "memory.max"
    if limit.exists() and limit.read_text().strip() != "max":
        used = int((control / "memory.current").read_text())
        files = _numbers(control / "memory.stat")["inactive_file"]
        free = min(free, max(0, int(limit.read_text()) - used + files))
    return free


def _numbers(path: Path) -> dict[str, int]:
    """Return the first number in each line of a file, by the word before it."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return {line[0]: int(line[1]) for line in lines if len(line) > 1}
