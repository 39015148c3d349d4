"""Indices of samples that carry their view, and the samplers that yield them."""

from array import array
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, ClassVar

from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from mmkd.randomness.seeding import Purpose, position_seed, seed_generators


class Position(int):
    """Index of a sample, with the other numbers on which its random numbers depend.

    It is an ``int``, so that data sets and batch samplers accept it like any index. All positions
    of the same view and repetition share a subclass that holds both numbers, so that creating one
    takes no longer than creating an ``int``.

    Attributes:
        view: The epoch, or the epoch modulo the number of views.
        repetition: Number of earlier occurrences of the sample in the same pass over the data: 0,
            except for samplers that repeat samples.
    """

    __slots__ = ()
    view: ClassVar[int]
    repetition: ClassVar[int]

    def __new__(cls, index: int, view: int, repetition: int = 0) -> "Position":
        return int.__new__(positions_of(view, repetition), index)

    @property
    def place(self) -> tuple[int, int, int]:
        """Index, view and repetition as plain integers."""
        return int(self), self.view, self.repetition

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the constructor's arguments, with which the index is pickled for a worker."""
        return Position, self.place


@lru_cache
def positions_of(view: int, repetition: int = 0) -> type[Position]:
    """Return the class of a view's positions; its constructor takes the index alone."""
    members = dict(
        __slots__=(), __new__=int.__new__, __module__=__name__, view=view, repetition=repetition
    )
    return type("Position", (Position,), members)


class PositionSampler(Sampler[int]):
    """Sampler that yields the indices of another sampler as :class:`Position`.

    If a sampler yields a sample again in the same pass, the repetition is counted, and the sample
    gets other random numbers. A sampler with ``repeats_views = True`` gets the same ones again.

    Args:
        sampler: The other sampler. The global generators are seeded by the number of the pass
            before it draws.
        size: Number of samples of the data set.
        seed: Seed of the run.
        views: Number of views after which they repeat, or ``None`` for new views in each epoch.

    Attributes:
        next_pass: Number of the next pass over the data: the epoch in a loop over epochs.
    """

    def __init__(self, sampler: Sampler[int], size: int, seed: int, views: int | None) -> None:
        self.sampler, self.size, self.seed, self.views = sampler, size, seed, views
        self.next_pass = 0

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the sampler, such as its ``dataset`` or ``set_epoch``."""
        if name.startswith("__") or name == "sampler":
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]

    @property
    def endless(self) -> bool:
        """Whether one pass of the sampler goes over the data without end."""
        return isinstance(self.sampler, InfiniteSampler)

    @property
    def _yields_each_once(self) -> bool:
        """Whether no sample is repeated (MMEngine repeats some if shares are unequal)."""
        sampler: Any = self.sampler
        return type(sampler) is DefaultSampler and sampler.total_size <= self.size

    def __iter__(self) -> Iterator[int]:
        number = self.next_pass
        self.next_pass += 1
        seed_generators(position_seed(self.seed, Purpose.ORDER, number))
        if self.endless:
            # The sampler's stream of indices is restarted, because some may have been taken before.
            self.sampler.indices = self.sampler._indices_of_rank()  # type: ignore[attr-defined]
        if self._yields_each_once:
            view = number % self.views if self.views else number
            yield from map(positions_of(view), self.sampler)
            return
        rank, world = get_dist_info()
        repeats, views = getattr(self.sampler, "num_repeats", 1), self.views
        seen, endless = array("I", bytes(4 * self.size)), self.endless
        same = getattr(self.sampler, "repeats_views", False)
        for count, index in enumerate(self.sampler):
            view, repetition = number, 0
            if endless:  # the processes share one order, and each takes every world-th index
                view += (count * world + rank) // self.size
            elif repeats > 1:
                repetition = (count * world + rank) % repeats
            elif not same:
                repetition = seen[index]
                seen[index] = repetition + 1
            yield Position(index, view % views if views else view, repetition)


class BatchesFrom(Sampler[list[int]]):
    """Batch sampler that yields the batches of another one, and can skip the first of a pass.

    Args:
        batch_sampler: The other batch sampler.

    Attributes:
        skip: Number of batches to skip in the next pass, because a run has already used them.
    """

    def __init__(self, batch_sampler: Sampler[list[int]]) -> None:
        self.batch_sampler, self.skip = batch_sampler, 0

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the batch sampler, such as its ``sampler`` or ``batch_size``."""
        if name.startswith("__") or name == "batch_sampler":
            raise AttributeError(name)
        return getattr(self.batch_sampler, name)

    def __len__(self) -> int:
        return len(self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int]]:
        # A generator runs to here only at its first batch: torch's loaders may make an iterator
        # that they do not use, which must not clear the skip.
        skip, self.skip = self.skip, 0
        yield from islice(iter(self.batch_sampler), skip, None)
