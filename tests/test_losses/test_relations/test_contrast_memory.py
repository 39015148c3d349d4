"""Memories of embeddings."""

import itertools

import torch

from mmkd.losses.relations.contrast_memory import MemoryBank, MemoryQueue


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


def test_steps_processes_and_seeds_draw_apart_and_a_resumed_step_draws_again(monkeypatch):
    """That the memories of processes stay equal is tested in tests/test_runs."""
    memory, drawn = bank(), []
    places, labels = torch.tensor([0, 1]), torch.tensor([0, 1])
    for seed, rank, step in ((0, 0, 0), (0, 1, 0), (0, 0, 1), (9, 0, 0), (0, 0, 0)):
        torch.manual_seed(seed)
        monkeypatch.setattr(
            "mmkd.losses.relations.contrast_memory.get_rank", lambda rank=rank: rank
        )
        memory.steps.fill_(step)
        drawn.append(memory._draw(places, labels)[0])
        assert torch.equal(
            torch.rand(1), torch.rand(1, generator=torch.Generator().manual_seed(seed))
        )
    assert torch.equal(drawn[0], drawn.pop())
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(drawn, 2))


def test_what_all_processes_saw_is_remembered(monkeypatch):
    memory, given, other = MemoryQueue(5, 3), torch.randn(2, 3), torch.randn(2, 3)
    monkeypatch.setattr(
        "mmkd.losses.relations.contrast_memory.all_gather",
        lambda part: [part, other if part.dim() == 2 else part + 7],
    )
    memory.remember(given, given, torch.arange(2), torch.arange(2))
    assert memory.labels.tolist() == [0, 1, 7, 8, -1]
    torch.testing.assert_close(memory.student[:4], torch.cat([given, other]))
