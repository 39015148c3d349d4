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
from numpy.random.mtrand import get_bit_generator, set_bit_generator
from torch import Tensor


class Purpose(IntEnum):
    """Purpose of random numbers: for each purpose the same position gives different ones."""

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
    """Seed the generators that are global: ``random``, ``numpy.random`` and torch's on the CPU.

    ``torch.manual_seed`` is not called, because it would touch a GPU from a data worker.

    Args:
        seed: 64 bits: torch takes all of them, each of the others one half.
    """
    np.random.seed(seed & 0xFFFFFFFF)
    seed_besides_numpy(seed)


def seed_besides_numpy(seed: int) -> None:
    """Seed ``random`` and torch's generator on the CPU as :func:`seed_generators` does."""
    random.seed(seed >> 32)
    torch.default_generator.manual_seed(seed)


def states_besides_numpy() -> tuple[Any, bytes]:
    """Return the states of ``random`` and of torch's generator on the CPU, to be compared."""
    return random.getstate(), torch.default_generator.get_state().numpy().tobytes()


class SampleNumbers:
    """Random numbers of samples for ``numpy.random``, from Philox, whose counter is the position.

    Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) needs no seeding:
    to go to another position changes four words, where the Mersenne Twister has 624. It is behind
    ``numpy.random`` from the first :meth:`move_to` to the end of the ``with`` block.

    Args:
        seed: Seed of the run.
    """

    def __init__(self, seed: int) -> None:
        self._philox = np.random.Philox(0)
        key = [seed % 2**64, int(Purpose.SAMPLE)]
        self._state: Any = dict(
            bit_generator="Philox",
            state=dict(counter=[0, 0, 0, 0], key=key),
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

    def move_to(self, index: int, view: int, repetition: int) -> None:
        """Go to the numbers of a sample; numbers of two samples are never the same ones."""
        self._state["state"]["counter"] = [0, repetition, view, index]
        self._philox.state = self._state
        set_bit_generator(self._philox)  # also drops a normal number that was left over


def seed_step(seed: int) -> None:
    """Seed the generators of a training step: the device's besides those of the CPU."""
    seed_generators(seed)
    if get_device() != "cpu":
        torch.manual_seed(seed)


@dataclass(frozen=True)
class GeneratorStates:
    """States of the generators that a training step draws from, to return to.

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
