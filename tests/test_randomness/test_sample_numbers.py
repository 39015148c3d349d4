"""Random numbers of samples from Philox, whose counter is the position."""

import copy
import pickle

import numpy as np
import pytest

from mmkd.randomness import Position
from mmkd.randomness import sample_numbers as sample_numbers_module
from mmkd.randomness.sample_numbers import SampleNumbers


def test_numbers_of_samples_are_those_of_every_machine():
    """Golden values: others would give other augmentations after an update of mmkd."""
    with SampleNumbers(7) as numbers:
        assert [*numbers.at([Position(3, 2, 1)])] == [3]
        drawn = np.random.rand()
    counted = np.random.Generator(np.random.Philox(key=[7, 0], counter=[0, 1, 2, 3]))
    assert drawn == counted.random() == 0.4744617738032243


@pytest.mark.parametrize("constant", ["USED", "COUNTER"])
def test_another_struct_of_numpy_changes_no_number(constant, monkeypatch):
    """The numbers are then set by numpy's own setter, which is slower."""

    def drawn():
        with SampleNumbers(7) as numbers:
            return [(np.random.rand(3).tolist(), np.random.randint(9)) for _ in numbers.at(places)]

    places = [Position(3, 2, 1), Position(0, 2), Position(3, 2, 1)]
    by_memory = drawn()
    monkeypatch.setattr(sample_numbers_module, constant, 3)
    assert SampleNumbers(7)._memory is None
    assert drawn() == by_memory


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_has_a_generator_of_its_own(copied):
    """A worker process that is spawned gets its data set, and with it the loading, by pickle."""
    first = SampleNumbers(7)
    second = copied(first)
    with first as numbers, second as others:
        [*numbers.at([Position(3, 2, 1)])], [*others.at([Position(0, 0)])]
        [*numbers.at([Position(3, 2, 1)])]
        assert np.random.rand() == 0.4744617738032243


def test_no_normal_number_is_left_over_for_the_next_sample():
    """numpy.random draws two normal numbers at once, and keeps the second one."""
    positions = Position(0, 0), Position(1, 0), Position(0, 0)
    with SampleNumbers(0) as numbers:
        for drawn_before in (1, 2):
            sizes = 2, drawn_before, 2
            drawn = [
                np.random.normal(size=sizes[place]) for place, _ in enumerate(numbers.at(positions))
            ]
            assert np.array_equal(drawn[0], drawn[2])
