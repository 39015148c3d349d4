"""Seeding the random generators by a position, so that no history is in what they give."""

import random
import struct
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import torch
from mmengine.device import get_device


class Purpose(IntEnum):
    """What random numbers are for: the same position gives others for another purpose."""

    SAMPLE = 0
    STEP = 1
    ORDER = 2


def position_seed(seed: int, purpose: Purpose, *position: int) -> int:
    """Return 64 bits that are a hash of a run's seed, a purpose and a position.

    BLAKE2b is the same on every machine and in every version of Python, and gives unrelated bits
    for neighbouring positions.

    Args:
        seed: The run's seed.
        purpose: What the random numbers are for.
        *position: Integers: (sample, view, repetition), (iteration, rank) or (pass,).
    """
    words = _begun(seed, purpose).copy()
    words.update(struct.pack(f"<{len(position)}q", *position))
    return int.from_bytes(words.digest(), "little")


@lru_cache
def _begun(seed: int, purpose: Purpose) -> blake2b:
    """Return the hash of what the positions of a run share, which is the slower part."""
    return blake2b(struct.pack("<2q", seed, purpose), digest_size=8)


def seed_generators(seed: int) -> None:
    """Seed what transforms draw from: ``random``, ``numpy.random`` and torch's CPU generator.

    ``torch.manual_seed`` is not called, as it would touch a GPU from a data worker.

    Args:
        seed: 64 bits: torch takes all of them, the others one half each.
    """
    random.seed(seed >> 32)
    np.random.seed(seed & 0xFFFFFFFF)
    torch.default_generator.manual_seed(seed)


def seed_step(seed: int) -> None:
    """Seed what a training step draws from: the device's generator besides those of the CPU."""
    seed_generators(seed)
    if get_device() != "cpu":
        torch.manual_seed(seed)
