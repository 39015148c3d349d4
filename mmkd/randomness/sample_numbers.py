"""Random numbers of samples, which depend on their positions alone."""

from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from ctypes import c_uint64
from typing import Any, cast

import numpy as np
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from mmkd.randomness.positions import Position
from mmkd.randomness.seeding import Purpose

Words = MutableSequence[int]

# Numpy's struct of a Philox generator, in words of 64 bits: the address of the counter, the address
# of the key, the number of used words of the buffer, the buffer of four words, and the 32 bits that
# are left over from a word.
SIZE, COUNTER, USED, LEFT_OVER = 8, 0, 2, 7


class SampleNumbers:
    """Random numbers of samples for ``numpy.random``, from Philox, whose counter is the position.

    Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) needs no seeding:
    a new position changes four words of its state, whereas seeding the Mersenne Twister changes
    624. It replaces the generator of ``numpy.random`` from the first :meth:`at` to the end of the
    ``with`` block.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self._philox = np.random.Philox(0)
        self._key = [seed % 2**64, int(Purpose.SAMPLE)]
        self._philox.state = _state(self._key, [0, 0, 0, 0])
        self._memory = _memory(self._philox)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the constructor's argument, because copies and workers need their own memory."""
        return SampleNumbers, (self._key[0],)

    def __enter__(self) -> "SampleNumbers":
        self._before = get_bit_generator()
        return self

    def __exit__(self, *_: object) -> None:
        set_bit_generator(self._before)

    def at(self, positions: Iterable[Position]) -> Iterator[int]:
        """Set ``numpy.random`` to each position in turn, and yield the position's index.

        Different positions never share numbers. The index is a plain integer, because data samples
        keep and copy it.
        """
        philox, kind = self._philox, None
        words, counter = self._memory or ([0] * SIZE, [0] * 4)
        for position in positions:
            if type(position) is not kind:
                kind = type(position)
                counter[1], counter[2] = position.repetition, position.view
            counter[0], counter[3] = 0, +position
            words[USED], words[LEFT_OVER] = 4, 0
            if self._memory is None:
                philox.state = _state(self._key, counter)
            set_bit_generator(philox)  # also drops a normal number that was left over
            yield +position


def _state(key: Sequence[int], counter: Sequence[int]) -> Any:
    """Return numpy's description of a Philox generator that has drawn nothing at its counter."""
    return dict(
        bit_generator="Philox",
        state=dict(counter=[*counter], key=[*key]),
        buffer=[0, 0, 0, 0],
        buffer_pos=4,
        has_uint32=0,
        uinteger=0,
    )


def _memory(philox: np.random.Philox) -> tuple[Words, Words] | None:
    """Return the memory of a generator's struct and of its counter, or ``None`` if it is unknown.

    While samples are loaded, numpy's setter of the state takes ten times as long as writing these
    words. If a version of numpy has another struct, this is detected, and the setter is used.
    """
    begin, size = id(philox), philox.__sizeof__()
    address = philox.ctypes.state_address
    if not begin < address <= begin + size - 8 * SIZE:
        return None
    words = _words(address, SIZE)
    if not begin < words[COUNTER] <= begin + size - 32:
        return None
    counter = _words(words[COUNTER], 4)
    philox.random_raw(3)
    for place in range(4):
        counter[place] = place + 5
    words[USED] = 2
    found = philox.state
    known = found["state"]["counter"].tolist() == [5, 6, 7, 8] and found["buffer_pos"] == 2
    return (words, counter) if known else None


def _words(address: int, size: int) -> Words:
    """Return a number of 64-bit words of this process's memory."""
    memory = memoryview((c_uint64 * size).from_address(address))
    return cast(Words, memory.cast("B").cast("Q"))
