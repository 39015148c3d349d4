"""Memories of embeddings."""

import subprocess
import sys

import pytest
import torch

from mmkd.losses.contrast_memory import MemoryBank, MemoryQueue

PROCESS = """
import sys
import torch
from torch import distributed
import mmkd
from mmkd.losses.contrast_memory import MemoryBank, MemoryQueue

rank = int(sys.argv[1])
distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
torch.manual_seed(0)
memories = [MemoryBank(10, 3, 4, 0.5), MemoryQueue(5, 3)]
drawn, _ = memories[0]._draw(torch.tensor([0, 1]), torch.tensor([0, 1]))
torch.manual_seed(rank)
given = torch.randn(2, 2, 3)
places, labels = torch.tensor([3, 4 + rank]), torch.tensor([rank, 2])
for memory in memories:
    memory.remember(*given, places, labels)
states = [memory.state_dict() for memory in memories]
torch.save(dict(drawn=drawn, given=given, states=states), sys.argv[3])
"""


def bank(**overrides) -> MemoryBank:
    torch.manual_seed(0)
    return MemoryBank(**{**dict(size=12, dim=3, negatives=200, momentum=0.5), **overrides})


def test_negatives_are_of_other_classes_and_all_of_them_occur():
    memory = bank()
    memory.labels.copy_(torch.arange(12) % 3)
    memory.labels[11] = -1  # not seen yet
    places, labels = torch.tensor([0, 11]), torch.tensor([0, 2])
    drawn, valid = memory._draw(places, labels)
    assert valid.all()
    assert set(drawn[0].tolist()) == {1, 2, 4, 5, 7, 8, 10, 11}
    assert set(drawn[1].tolist()) == {0, 1, 3, 4, 6, 7, 9, 10}


def test_where_there_is_no_other_class_nothing_is_contrasted():
    memory = bank()
    memory.labels.zero_()
    _, valid = memory._draw(torch.tensor([0]), torch.tensor([0]))
    assert not valid.any()


def test_of_a_sample_that_occurs_twice_the_last_one_counts():
    memory, given = bank(momentum=0.0), torch.eye(3)
    memory.remember(given, given, torch.tensor([5, 7, 5]), torch.tensor([1, 2, 3]))
    assert memory.labels[[5, 7]].tolist() == [3, 2]
    torch.testing.assert_close(memory.student[[5, 7]], given[[2, 1]])


def test_a_queue_forgets_what_is_oldest():
    memory, given = MemoryQueue(5, 3), torch.randn(3, 3)
    for first in (0, 3):
        labels = torch.arange(first, first + 3)
        memory.remember(given + first, given, labels, labels)
    assert memory.labels.tolist() == [5, 1, 2, 3, 4]
    torch.testing.assert_close(memory.student[0], given[2] + 3)
    many = torch.arange(8)
    memory.remember(torch.randn(8, 3), torch.randn(8, 3), many, many)
    assert sorted(memory.labels.tolist()) == [3, 4, 5, 6, 7]


def test_the_gradient_is_that_of_what_was_remembered_before_the_step():
    """Although the memory changes before the backward pass."""
    memory = bank()
    student, places = torch.randn(2, 3, requires_grad=True), torch.tensor([1, 2])
    before, labels = memory.teacher.clone(), torch.tensor([0, 1])
    contrasts = memory.contrast(student, student.detach(), places, labels)
    memory.remember(student, student, places, labels)
    contrasts.student[:, 0].sum().backward()
    torch.testing.assert_close(student.grad, before[places])


@pytest.mark.slow
def test_two_processes_draw_apart_and_remember_alike(tmp_path):
    outputs = [tmp_path / f"{rank}.pth" for rank in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), str(tmp_path / "store"), str(output)]
        )
        for rank, output in enumerate(outputs)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    first, second = (torch.load(output) for output in outputs)
    assert not torch.equal(first["drawn"], second["drawn"])
    for one, other in zip(first["states"], second["states"], strict=True):
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert first["states"][0]["labels"][[3, 4, 5]].tolist() == [1, 2, 2]
    assert first["states"][1]["labels"].tolist() == [0, 2, 1, 2, -1]
    seen = torch.cat([first["given"][0], second["given"][0]])
    torch.testing.assert_close(first["states"][1]["student"][:4], seen)
