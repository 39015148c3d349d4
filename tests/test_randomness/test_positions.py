"""Positions of samples, and the samplers that yield them."""

import pickle
from types import SimpleNamespace

import pytest
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmpretrain.datasets.samplers import RepeatAugSampler
from torch.utils.data import BatchSampler, RandomSampler

from mmkd.randomness.positions import BatchesFrom, Position, PositionSampler
from mmkd.randomness.seeding import Purpose, position_seed, seed_generators

DATA = list(range(6))


def in_process(monkeypatch, rank, world):
    for module in ("positions", "seeding"):
        monkeypatch.setattr(
            f"mmkd.randomness.{module}.get_dist_info", lambda: (rank, world), raising=False
        )
    monkeypatch.setattr("mmengine.dataset.sampler.get_dist_info", lambda: (rank, world))
    monkeypatch.setattr(
        "mmpretrain.datasets.samplers.repeat_aug.get_dist_info", lambda: (rank, world)
    )


def positions(sampler, count, views=None):
    wrapped = PositionSampler(sampler, len(DATA), seed=0, views=views)
    given = iter(wrapped)
    found = [next(given) for _ in range(count)]
    return [(int(index), index.view, index.repetition) for index in found]


def test_a_position_is_an_index_that_travels():
    position = pickle.loads(pickle.dumps(Position(5, 3, 1)))
    assert (position, position.view, position.repetition) == (5, 3, 1)
    assert DATA[Position(2, 7)] == 2


def test_seeds_are_those_of_every_machine():
    """Golden values: another hash would give other augmentations after an update of mmkd."""
    assert position_seed(0, Purpose.SAMPLE, 0, 0, 0) == 15424751921001482597
    assert position_seed(1, Purpose.STEP, 2, 3) == 8907715991622606552


def test_positions_have_seeds_of_their_own():
    seeds = {
        position_seed(seed, purpose, sample, view)
        for seed in range(3)
        for purpose in Purpose
        for sample in range(20)
        for view in range(20)
    }
    assert len(seeds) == 3 * len(Purpose) * 20 * 20


def test_a_pass_has_the_view_of_its_number():
    sampler = PositionSampler(DefaultSampler(DATA, seed=1), len(DATA), seed=0, views=2)
    sampler.next_pass = 4
    assert [{index.view for index in sampler} for _ in range(3)] == [{0}, {1}, {0}]


def test_an_endless_sampler_has_a_view_for_each_time_round(monkeypatch):
    """On two ranks, too, whose shares of the data change from time to time."""
    found = []
    for rank in range(2):
        in_process(monkeypatch, rank, 2)
        found += positions(InfiniteSampler(DATA, seed=1), 9)
    assert sorted(found) == [(index, view, 0) for index in DATA for view in range(3)]


def test_an_endless_sampler_begins_anew_with_each_iterator():
    sampler = InfiniteSampler(DATA, seed=1)
    assert positions(sampler, 4) == positions(sampler, 4)


def test_repeated_samples_have_positions_of_their_own(monkeypatch):
    found = []
    for rank in range(2):
        in_process(monkeypatch, rank, 2)
        found += positions(RepeatAugSampler(DATA, num_repeats=3, seed=1), 3)
    assert len(found) == len(set(found)) == 6
    drawn = positions(DATA[:3] * 2, 6)
    assert drawn == [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 0, 1), (1, 0, 1), (2, 0, 1)]


def test_a_sampler_of_torch_has_an_order_that_follows_from_the_pass():
    def order(number):
        seed_generators(number + 10)  # another history
        sampler = PositionSampler(RandomSampler(DATA), len(DATA), seed=0, views=None)
        sampler.next_pass = number
        return list(sampler)

    first = order(3)
    assert first == order(3)
    assert first != order(4)


class Sizes(list):
    """Data of two aspect ratios."""

    def get_data_info(self, index):
        return SimpleNamespace(width=1, height=index % 2 * 2).__dict__


@pytest.mark.parametrize("kind", [BatchSampler, AspectRatioBatchSampler])
def test_batches_are_left_out_once(kind):
    data = Sizes(DATA)
    inner = PositionSampler(DefaultSampler(data, seed=1), len(data), seed=0, views=None)
    batches = BatchesFrom(kind(inner, 2, False))
    whole = [*batches]
    batches.skip = 2
    assert [*batches] == whole[2:]
    assert [*batches] == whole
    assert all(isinstance(index, Position) for batch in whole for index in batch)
    assert len(batches) == 3
    assert batches.batch_size == 2
