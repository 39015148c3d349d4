"""Data loading in which samples depend on their positions alone."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from mmengine.dataset import default_collate, pseudo_collate
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils import data
from torch.utils.data import DataLoader, IterableDataset

from mmkd.randomness.positions import BatchesFrom, Position, PositionSampler
from mmkd.randomness.sample_numbers import SampleNumbers
from mmkd.randomness.seeding import (
    Purpose,
    UndrawnGenerators,
    position_seed,
    seed_besides_numpy,
    seed_generators,
)

# Collate functions that draw no random numbers.
COLLATES = (pseudo_collate, default_collate, data.default_collate)


class Samples(Protocol):
    """A data set that is read by index."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...


@runtime_checkable
class BatchSamples(Protocol):
    """A data set that returns whole batches; each of their samples depends on a seed of its own."""

    def load_batch(self, indices: Sequence[int], seeds: Sequence[int]) -> dict[str, Any]:
        """Return ``inputs`` (B, ...) and ``data_samples``."""


class PositionedLoading:
    """Loading of a batch's samples, each with generators that are seeded by its position.

    An object of this class replaces ``dataset.__getitems__``, which torch's loader calls for the
    samples of a batch, in the main process and in workers. The data set stays the same object, so
    that hooks can still replace its pipeline.

    Args:
        dataset: The data set.
        seed: Seed of the run.
        tell: Whether each data sample carries its position, as ``(index, view, repetition)``.
        collate_draws: Whether the loader's ``collate_fn`` may draw random numbers. All generators
            are then seeded before it is called, by the position of the last sample.
    """

    def __init__(
        self, dataset: Samples, seed: int, tell: bool = False, collate_draws: bool = False
    ) -> None:
        self.dataset, self.seed, self.tell = dataset, seed, tell
        # The method of the data set's class is used (torch's Subset has one), because the
        # instance's attribute may be an object of this class.
        self._of_class: Any = getattr(type(dataset), "__getitems__", None)
        # This is checked only once, because a check for each sample would take longer than seeding.
        self._by_batch = dataset if isinstance(dataset, BatchSamples) else None
        # Whole batches are not collated.
        self.collate_draws = collate_draws and self._by_batch is None
        self._numpy_alone = not tell  # becomes false when a sample draws from another generator
        self._numbers, self._others = SampleNumbers(seed), UndrawnGenerators()

    def __call__(self, indices: Sequence[int]) -> Any:
        samples = self._load_all(indices)
        if self.collate_draws and isinstance(indices[-1], Position):
            seed_generators(self._seed_of(indices[-1]))
        return samples

    def _load_all(self, indices: Sequence[int]) -> Any:
        if self._by_batch is not None and isinstance(indices[0], Position):
            return self._batch(self._by_batch, indices)
        if self._numpy_alone and all(issubclass(kind, Position) for kind in {*map(type, indices)}):
            samples = self._load_by_numpy(indices)
            if samples is not None:
                return samples
            self._numpy_alone = False
        return [self.load(index) for index in indices]

    def _load_by_numpy(self, indices: Sequence[Any]) -> list[Any] | None:
        """Return a batch whose samples draw from ``numpy.random`` alone; ``None`` if they do not.

        The other generators are not seeded for each sample, because that would take longer than all
        other steps. Instead they are checked after the batch.
        """
        get = self.dataset.__getitem__ if self._of_class is None else self._get
        self._others.begin()
        try:
            with self._numbers as numbers:
                samples = [get(number) for number in numbers.at(indices)]
        except Exception:
            return None  # each sample is then loaded again, and raises its error there
        return samples if self._others.hold() else None

    def _seed_of(self, index: Position) -> int:
        return position_seed(self.seed, Purpose.SAMPLE, *index.place)

    def load(self, index: int) -> Any:
        """Return a sample; an index without a position draws from the generators as they are."""
        if not isinstance(index, Position):
            return self._get(index)
        if self._by_batch is not None:
            return {name: part[0] for name, part in self._batch(self._by_batch, [index]).items()}
        seed_besides_numpy(self._seed_of(index))
        with self._numbers as numbers:
            sample = self._get(*numbers.at([index]))
        if self.tell:
            sample["data_samples"].set_field(index.place, "position", field_type="metainfo")
        return sample

    def _batch(self, dataset: BatchSamples, indices: Sequence[Any]) -> dict[str, Any]:
        batch = dataset.load_batch(indices, [self._seed_of(index) for index in indices])
        if self.tell:
            for sample, index in zip(batch["data_samples"], indices, strict=True):
                sample.set_field(index.place, "position", field_type="metainfo")
        return batch

    def _get(self, index: int) -> Any:
        if self._of_class is not None:
            return self._of_class(self.dataset, [index])[0]
        return self.dataset[index]


def obstacle(loader: DataLoader[Any]) -> str | None:
    """Return why a loader's samples cannot be identified by position, or ``None`` if they can."""
    if isinstance(loader.dataset, IterableDataset):
        return "its data set is a stream, without an index"
    if loader.batch_sampler is None:
        return "it loads without batches (batch_size=None)"
    if getattr(loader.batch_sampler, "sampler", None) is None:
        kind = type(loader.batch_sampler).__name__
        return f"its batch sampler, {kind}, has no `sampler` that gives the indices of samples"
    return None


def may_draw(collate: Any) -> bool:
    """Return whether a loader's ``collate_fn`` may draw random numbers: any but the known ones."""
    return (collate.func if isinstance(collate, partial) else collate) not in COLLATES


def load_by_position(
    loader: DataLoader[Any],
    seed: int,
    views: int | None = None,
    data_seed: int | None = None,
) -> tuple[PositionSampler, BatchesFrom]:
    """Make a loader's samples depend on (seed, sample, view) alone. Repeated calls are allowed.

    Args:
        loader: The loader, which must have no :func:`obstacle`. It is changed in place.
        seed: Seed of the run.
        views: Number of views after which they repeat, or ``None`` for new views in each epoch.
        data_seed: Seed of the samples' transforms in place of ``seed``, for a run that reads a
            teacher store. The data samples then also carry their positions.

    Returns:
        The sampler that numbers the passes over the data, and the batch sampler that can skip
        batches.
    """
    batches: Any = loader.batch_sampler
    batches = batches if isinstance(batches, BatchesFrom) else BatchesFrom(batches)
    inner = batches.batch_sampler.sampler
    inner = inner.sampler if isinstance(inner, PositionSampler) else inner
    dataset: Any = loader.dataset
    positions = PositionSampler(inner, len(dataset), seed, views)
    batches.batch_sampler.sampler = positions
    object.__setattr__(loader, "batch_sampler", batches)  # a DataLoader refuses plain assignment
    dataset.__getitems__ = PositionedLoading(
        dataset,
        seed if data_seed is None else data_seed,
        tell=data_seed is not None,
        collate_draws=may_draw(loader.collate_fn),
    )
    loader._iterator = None  # ends persistent workers, which hold the unchanged data set
    return positions, batches


class ResumedIterator(_InfiniteDataloaderIterator):
    """Iterator of a training loop over a loader that skips the batches of earlier iterations.

    Args:
        loader: The loader.
        passes: Number of complete passes over the data.
        taken: Number of batches that a resumed loop takes before it trains. The original MMEngine
            takes these batches one by one, and gets ``None`` for each; OneDL's calls
            :meth:`skip_iter` instead, so that the number is ignored.
    """

    def __init__(self, loader: DataLoader[Any], passes: int, taken: int) -> None:
        super().__init__(loader)
        self._epoch = passes
        self._taken = 0 if hasattr(_InfiniteDataloaderIterator, "skip_iter") else taken

    def skip_iter(self, num_iters: int) -> None:
        """Do nothing, because the batch sampler skips the batches."""

    def __next__(self) -> Any:
        if self._taken:
            self._taken -= 1
            return None
        return super().__next__()


def resumed_iterator(
    loader: DataLoader[Any], positions: PositionSampler, batches: BatchesFrom, iteration: int
) -> ResumedIterator:
    """Return an iterator that starts with an iteration's batch, without loading earlier batches."""
    passes, batches.skip = (0, iteration) if positions.endless else divmod(iteration, len(loader))
    positions.next_pass = passes
    set_epoch: Callable[[int], None] | None = getattr(positions.sampler, "set_epoch", None)
    if set_epoch is not None:
        set_epoch(passes)
    return ResumedIterator(loader, passes, iteration)
