"""Seeding of the random generators by a position, so that they do not depend on history."""

import random
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor

STEPS = 256  # number of steps whose seeds are computed together


class Purpose(IntEnum):
    """Purpose of random numbers; the same position has different numbers for each purpose."""

    SAMPLE = 0
    STEP = 1
    ORDER = 2
    SELECTION = 3


def position_seed(seed: int, purpose: Purpose, *position: int) -> int:
    """Return 64 bits that are a hash of a run's seed, a purpose and a position.

    BLAKE2b is the same on every machine and in every version of Python, and gives unrelated bits
    for neighbouring positions.

    Args:
        seed: Seed of the run.
        purpose: Purpose of the random numbers.
        *position: Integers: (sample, view, repetition), (iteration, rank), (pass,) or (iteration,).
    """
    words = _begun(seed, purpose).copy()
    words.update(struct.pack(f"<{len(position)}q", *position))
    return int.from_bytes(words.digest(), "little")


@lru_cache
def _begun(seed: int, purpose: Purpose) -> blake2b:
    """Return the hash of the part that a run's positions share; computing it is the slower step."""
    return blake2b(struct.pack("<2q", seed, purpose), digest_size=8)


def seed_generators(seed: int) -> None:
    """Seed the global generators: ``random``, ``numpy.random`` and torch's on the CPU.

    ``torch.manual_seed`` is not called, because it would initialise the GPU in a data worker.

    Args:
        seed: 64 bits: torch's generator gets all of them, each of the others one half.
    """
    np.random.seed(seed & 0xFFFFFFFF)
    seed_besides_numpy(seed)


def seed_besides_numpy(seed: int) -> None:
    """Seed ``random`` and torch's generator on the CPU as :func:`seed_generators` does."""
    random.seed(seed >> 32)
    torch.default_generator.manual_seed(seed)


def draw_besides_numpy() -> tuple[int, int]:
    """Return 64 bits from ``random`` and 63 from torch's generator on the CPU."""
    return random.getrandbits(64), int(torch.empty((), dtype=torch.int64).random_())


class UndrawnGenerators:
    """Check that nothing drew from ``random`` and from torch's generator on the CPU.

    :meth:`begin` seeds both generators, and :meth:`hold` draws from them: they return the first
    numbers of this seed only if nothing drew in between. Comparing the generators' states would
    take several times as long.
    """

    SEED = int.from_bytes(b"undrawn.", "big")  # one that no transform is likely to set

    def __init__(self) -> None:
        before = random.getstate(), torch.get_rng_state()
        self.begin()
        self._first = draw_besides_numpy()
        random.setstate(before[0])
        torch.set_rng_state(before[1])

    def begin(self) -> None:
        """Seed the generators."""
        seed_besides_numpy(self.SEED)

    def hold(self) -> bool:
        """Return whether nothing drew since :meth:`begin`. This draws from both generators."""
        return draw_besides_numpy() == self._first


def seed_step(seed: int, iteration: int, rank: int) -> None:
    """Seed the generators of a training step, on the CPU and on the device.

    Args:
        seed: Seed of the run.
        iteration: Number of the step.
        rank: Number of the process.
    """
    block, place = divmod(iteration, STEPS)
    step = _step_seeds(seed, block, rank)[place]
    seed_generators(step)
    if get_device() != "cpu":
        torch.manual_seed(step)


@lru_cache
def _step_seeds(seed: int, block: int, rank: int) -> list[int]:
    """Return the seeds of a block of steps: one by one in training would be ten times slower."""
    steps = range(block * STEPS, (block + 1) * STEPS)
    return [position_seed(seed, Purpose.STEP, iteration, rank) for iteration in steps]


@dataclass(frozen=True)
class GeneratorStates:
    """States of the generators that a training step draws from, which can be restored.

    Attributes:
        python: State of ``random``.
        numpy: State of ``numpy.random``.
        cpu: State of torch's generator on the CPU.
        cuda: State of torch's generator on the current GPU, if the run uses one.
    """

    python: Any
    numpy: Any
    cpu: Tensor
    cuda: Tensor | None

    @classmethod
    def now(cls) -> "GeneratorStates":
        """Return the present states."""
        cuda = torch.cuda.get_rng_state() if get_device() == "cuda" else None
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)

    def restore(self) -> None:
        """Put the generators back into these states."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)
