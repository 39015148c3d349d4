"""Sampler that draws samples by a teacher's entropy, which a store holds before training."""

import math
from collections.abc import Iterator, Sized
from typing import Any

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch import Tensor
from torch.utils.data import Sampler

from mmkd.logits.entropy import entropy
from mmkd.randomness import Purpose, position_seed
from mmkd.registry import DATA_SAMPLERS
from mmkd.store.manifest import StoreError
from mmkd.store.store import Store

CHUNK = 4096  # records that are read at once


@DATA_SAMPLERS.register_module()
class EntropySampler(Sampler[int]):
    r"""Draw samples in proportion to the teacher's entropy, mixed with uniform sampling.

    The sample n of N, with the entropy :math:`H_n` of the teacher's output, has the probability

    .. math:: p_n = \frac{u}{N} + (1 - u) \frac{H_n}{\sum_m H_m}

    An epoch has as many draws as the data set has samples, N, rounded up to a multiple of the
    number of processes. The draws are systematic: a sample is drawn :math:`N p_n` times, rounded up
    or down, and exactly as often on average. :class:`mmkd.hooks.ImportanceHook` multiplies the
    gradient of each draw by :math:`w_n = 1 / (N p_n)`, at most 1 / u, so that the expected gradient
    is that of uniform sampling. :class:`mmkd.engine.SafeRunner` has this hook.

    The draws depend on the seed and the epoch alone. In a distributed run each process takes every
    world-th draw. A sample that is drawn twice in an epoch has the same view both times, because a
    store has one record of it. The sampler is our construction, after importance sampling.

    Args:
        dataset: The data set, of which only the length is read.
        store: Folder of the teacher store; its first view gives the entropies.
        teacher: Name of the teacher in the store; may be left out if there is one.
        temperature: Temperature of the entropies. A store of truncated logits must hold entropies
            at this temperature; from full logits they are computed.
        uniform: The share u of uniform sampling, above 0 and at most 1.
        seed: Seed of the draws, by default one that all processes share.

    Attributes:
        probabilities: :math:`p_n`, float64, shape (N,).
        importance: :math:`w_n`, float32, shape (N,).

    Raises:
        StoreError: If the store has other samples, or not these entropies.
        ValueError: If ``uniform`` is out of range.
    """

    repeats_views = True

    def __init__(
        self,
        dataset: Sized,
        store: str,
        teacher: str | None = None,
        temperature: float = 4.0,
        uniform: float = 0.5,
        seed: int | None = None,
    ) -> None:
        if not 0 < uniform <= 1:
            raise ValueError(
                f"uniform is the share of equal chances: above 0 and at most 1, not {uniform}. "
                "With 0 a sample without entropy would never be drawn."
            )
        entropies = stored_entropies(Store(store), teacher, temperature).double()
        if len(entropies) != len(dataset):
            raise StoreError(
                f"The store {store} has {len(entropies)} samples, and the data set "
                f"{len(dataset)}: give the store of this data set."
            )
        share = entropies / entropies.sum().clamp(min=torch.finfo(torch.float64).tiny)
        self.probabilities = uniform / len(share) + (1 - uniform) * share
        self.probabilities /= self.probabilities.sum()
        self.importance = (1 / (len(share) * self.probabilities)).float()
        self.rank, self.world = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of draws of this process in an epoch."""
        draws: int = math.ceil(len(self.probabilities) / self.world)
        return draws

    def __iter__(self) -> Iterator[int]:
        seed = position_seed(self.seed, Purpose.ORDER, self.epoch)
        generator, total = torch.Generator().manual_seed(seed), len(self) * self.world
        begin = torch.rand(1, generator=generator, dtype=torch.float64)
        points = (torch.arange(total, dtype=torch.float64) + begin) / total
        drawn = torch.searchsorted(self.probabilities.cumsum(0), points)
        drawn = drawn.clamp(max=len(self.probabilities) - 1)  # a sum may end just below 1
        order = torch.randperm(total, generator=generator)
        yield from drawn[order][self.rank :: self.world].tolist()

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, on which the draws depend."""
        self.epoch = epoch


def stored_entropies(store: Store, teacher: str | None, temperature: float) -> Tensor:
    """Return the entropy of a teacher's output for each sample of a store, in nats, shape (N,).

    Raises:
        StoreError: If the store has no such teacher, or not its entropy at that temperature.
    """
    manifest, pair = store.manifest, (float(temperature), 0.0)
    names = [*manifest.teachers]
    name = names[0] if teacher is None and len(names) == 1 else teacher
    if name not in manifest.teachers:
        raise StoreError(
            f"The store {store.path} is of the teachers {', '.join(names)}: give the sampler one "
            f"of them as `teacher`, not {teacher!r}."
        )
    if pair not in store.entropies and store.values.kind != "full":
        raise StoreError(
            f"The store {store.path} keeps the entropies of {store.entropies or 'no temperatures'} "
            f"(temperature, eps), and the sampler asks for {pair}. Take a temperature that it "
            "keeps, or build a store of full logits."
        )
    found = []
    for begin in range(0, manifest.samples, CHUNK):
        samples = [*range(begin, min(begin + CHUNK, manifest.samples))]
        records = store.shards.read(samples, [0] * len(samples), manifest.feature_columns)
        own: dict[str, Any] = {
            key.removeprefix(f"{name}."): column
            for key, column in records.items()
            if key.startswith(f"{name}.")
        }
        if pair in store.entropies:
            found.append(own["entropies"][:, store.entropies.index(pair)].float())
        else:
            logits = store.values.decode(own, manifest.teachers[name].classes)
            found.append(entropy(logits, temperature))
    return torch.cat(found)
