"""Indices of samples that know their view, and the samplers that give them."""

from array import array
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from mmkd.randomness.seeding import Purpose, position_seed, seed_generators


class Position(int):
    """The index of a sample, with what else its random numbers depend on.

    It is an ``int``, so that a dataset or a batch sampler takes it like any index.

    Attributes:
        view: The epoch, or the epoch modulo the number of views.
        repetition: How often the sample came before in the same pass over the data: 0, but for
            samplers that repeat samples.
    """

    view: int
    repetition: int

    def __new__(cls, index: int, view: int, repetition: int = 0) -> "Position":
        position = super().__new__(cls, index)
        position.view, position.repetition = view, repetition
        return position

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker by the constructor's arguments."""
        return Position, (int(self), self.view, self.repetition)


class PositionSampler(Sampler[int]):
    """Gives the indices of a sampler as :class:`Position`.

    Args:
        sampler: The sampler. One that draws from the global generators does so after they were
            seeded by the number of the pass.
        size: Number of samples of the data set.
        seed: The run's seed.
        views: Number of views after which they begin again, or ``None`` for as many as epochs.

    Attributes:
        next_pass: Number of the next pass over the data: the epoch in a loop over epochs.
    """

    def __init__(self, sampler: Sampler[int], size: int, seed: int, views: int | None) -> None:
        self.sampler, self.size, self.seed, self.views = sampler, size, seed, views
        self.next_pass = 0

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the sampler: its ``dataset``, its ``set_epoch``."""
        if name.startswith("__") or name == "sampler":
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]

    @property
    def endless(self) -> bool:
        """Whether one pass of the sampler goes over the data again and again."""
        return isinstance(self.sampler, InfiniteSampler)

    def __iter__(self) -> Iterator[int]:
        number = self.next_pass
        self.next_pass += 1
        seed_generators(position_seed(self.seed, Purpose.ORDER, number))
        if self.endless:
            # It holds a running stream, of which a worker may have taken some before.
            self.sampler.indices = self.sampler._indices_of_rank()  # type: ignore[attr-defined]
        rank, world = get_dist_info()
        repeats, views = getattr(self.sampler, "num_repeats", 1), self.views
        seen, endless = array("I", bytes(4 * self.size)), self.endless
        for count, index in enumerate(self.sampler):
            view, repetition = number, 0
            if endless:  # its processes share one order, of which each takes every world-th index
                view += (count * world + rank) // self.size
            elif repeats > 1:
                repetition = (count * world + rank) % repeats
            else:
                repetition = seen[index]
                seen[index] = repetition + 1
            yield Position(index, view % views if views else view, repetition)


class BatchesFrom(Sampler[list[int]]):
    """Gives the batches of a batch sampler, but for the first ones of its next pass.

    Args:
        batch_sampler: The batch sampler.

    Attributes:
        skip: How many batches to leave out of the next pass, because a run has had them.
    """

    def __init__(self, batch_sampler: Sampler[list[int]]) -> None:
        self.batch_sampler, self.skip = batch_sampler, 0

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the batch sampler: its ``sampler``, its ``batch_size``."""
        if name.startswith("__") or name == "batch_sampler":
            raise AttributeError(name)
        return getattr(self.batch_sampler, name)

    def __len__(self) -> int:
        return len(self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int]]:
        # At the first batch, as torch's loaders may make an iterator that they do not use.
        skip, self.skip = self.skip, 0
        yield from islice(iter(self.batch_sampler), skip, None)
