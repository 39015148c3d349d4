"""Memories of embeddings."""

import itertools

import pytest
import torch

from mmkd.losses.relations.contrast_memory import MemoryBank, MemoryQueue


def bank(**overrides) -> MemoryBank:
    torch.manual_seed(0)
    return MemoryBank(**{**dict(size=12, dim=3, negatives=200, momentum=0.5), **overrides})


def test_negatives_are_of_other_classes_without_repetition_and_all_of_them_occur():
    memory = bank(negatives=5)
    memory.know_labels(torch.arange(12) % 3)
    memory.labels[11] = -1  # not seen yet
    places, labels = torch.tensor([0, 11]), torch.tensor([0, 2])
    found = [set(), set()]
    for step in range(60):
        memory.steps.fill_(step)
        drawn, valid = memory._draw(places, labels)
        assert valid.all()
        for seen, row in zip(found, drawn.tolist(), strict=True):
            assert len({*row}) == 5
            seen.update(row)
    assert found == [{1, 2, 4, 5, 7, 8, 10, 11}, {0, 1, 3, 4, 6, 7, 9, 10}]


def test_each_sample_of_another_class_is_drawn_equally_often():
    memory, counts = bank(negatives=2), torch.zeros(12)
    memory.know_labels(torch.arange(12) % 2)
    places = torch.zeros(500, dtype=torch.long)
    drawn, _ = memory._draw(places, places)
    counts += drawn.flatten().bincount(minlength=12)
    assert not counts[::2].any()
    assert (counts[1::2] / 500 - 1 / 3).abs().max() < 0.08  # 4 standard deviations


def test_a_few_rows_at_a_time_draw_from_the_same_samples(monkeypatch):
    memory = bank(negatives=3)
    memory.know_labels(torch.arange(12) % 3)
    monkeypatch.setattr("mmkd.losses.relations.contrast_memory.AT_ONCE", 30)  # 2 of 12
    places = torch.arange(5)
    drawn, valid = memory._draw(places, places % 3)
    assert drawn.shape == (5, 3)
    assert valid.all()
    assert (drawn % 3 != places[:, None] % 3).all()


def test_where_there_are_fewer_of_other_classes_these_are_drawn_once():
    memory = bank()
    memory.know_labels(torch.tensor([0] * 9 + [1] * 3))
    drawn, valid = memory._draw(torch.tensor([0]), torch.tensor([0]))
    assert drawn.shape == (1, 12)
    assert sorted(drawn[valid].tolist()) == [9, 10, 11]


def test_a_part_of_the_data_has_the_first_places_and_more_than_these_is_refused():
    memory = bank()
    memory.know_labels(torch.arange(3))
    assert memory.labels.tolist() == [0, 1, 2] + [-1] * 9
    with pytest.raises(ValueError, match="set num_samples=13"):
        memory.know_labels(torch.zeros(13, dtype=torch.long))


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
    """A test in tests/test_runs shows that the memories of processes stay equal."""
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
