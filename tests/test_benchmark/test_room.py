"""Free memory, and the students of a cohort that fit into it."""

from pathlib import Path

import pytest
import torch

from mmkd.benchmark.room import Room, free_bytes
from mmkd.benchmark.runs import Run

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="asks the GPU")


def test_each_student_besides_the_largest_takes_four_times_its_weights() -> None:
    runs = [Run(name, "", Path(name)) for name in "abc"]
    sizes = dict(zip(map(Path, "abc"), (10, 30, 20), strict=True))
    assert Room(240, sizes).needed(runs) == 4 * (10 + 20)
    assert Room(240, sizes).holds(runs)
    assert not Room(239, sizes).holds(runs), "half of the memory is for what a single run needs"
    assert Room(0, sizes).holds(runs[:1]), "a run of its own needs no more than itself"


@needs_no_gpu
def test_the_memory_of_a_container_is_less_than_the_machines(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 7000 kB\n")
    group = tmp_path / "group"
    assert free_bytes(tmp_path, group) == 7000 * 1024, "no control group"
    group.mkdir()
    for name, content in {"memory.max": "max", "memory.current": "900", "memory.stat": ""}.items():
        (group / name).write_text(f"{content}\n")
    assert free_bytes(tmp_path, group) == 7000 * 1024
    (group / "memory.max").write_text("1000\n")
    (group / "memory.stat").write_text("anon 500\ninactive_file 300\n")
    assert free_bytes(tmp_path, group) == 1000 - 900 + 300


@needs_no_gpu
def test_this_machine_has_free_memory() -> None:
    assert free_bytes() > 2**20
