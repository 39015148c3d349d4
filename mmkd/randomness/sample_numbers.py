"""Random numbers of samples, which depend on their positions alone."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.random.mtrand import get_bit_generator, set_bit_generator

from mmkd.randomness.positions import Position
from mmkd.randomness.seeding import Purpose


class SampleNumbers:
    """Random numbers of samples for ``numpy.random``, from Philox, whose counter is the position.

    Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) needs no seeding:
    to go to another position changes four words, where the Mersenne Twister has 624. It is behind
    ``numpy.random`` from the first :meth:`at` to the end of the ``with`` block.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self._philox = np.random.Philox(0)
        key = [seed % 2**64, int(Purpose.SAMPLE)]
        self._counter = [0, 0, 0, 0]
        self._state: Any = dict(
            bit_generator="Philox",
            state=dict(counter=self._counter, key=key),
            buffer=[0, 0, 0, 0],
            buffer_pos=4,
            has_uint32=0,
            uinteger=0,
        )

    def __enter__(self) -> "SampleNumbers":
        self._before = get_bit_generator()
        return self

    def __exit__(self, *_: object) -> None:
        set_bit_generator(self._before)

    def at(self, positions: Iterable[Position]) -> Iterator[int]:
        """Yield the index of each position after going to its numbers.

        Numbers of two samples are never the same ones. The index is a plain integer, because data
        samples keep and copy it.
        """
        philox, state, counter = self._philox, self._state, self._counter
        kind = None
        for position in positions:
            if type(position) is not kind:
                kind = type(position)
                counter[1:3] = position.repetition, position.view
            counter[3] = index = +position
            philox.state = state
            set_bit_generator(philox)  # also drops a normal number that was left over
            yield index
