"""Schedule of a term: the epochs or iterations in which it acts, and its factor in them."""

import math
from dataclasses import dataclass

from mmengine.logging import MessageHub


@dataclass(frozen=True)
class Schedule:
    """Factor on a term's weight over training, with the arguments of MMEngine's param schedulers.

    Attributes:
        begin: First epoch or iteration, counted from 0, in which the term acts.
        end: First epoch or iteration in which it no longer acts; ``None`` lets it act to the end of
            the run.
        warmup: Number of epochs or iterations over which the factor rises linearly to 1 after
            ``begin``. The first has ``1 / warmup``, as in DKD's ``min(epoch / 20, 1)`` with epochs
            counted from 1.
        decay: Number of epochs or iterations over which the factor falls linearly before ``end``,
            to ``1 / decay``.
        cosine: Whether the factor falls along half a cosine instead, to 0 in the last epoch or
            iteration.
        by_epoch: Whether these numbers count epochs; otherwise they count iterations.

    Raises:
        ValueError: If a number is negative, ``end`` is not above ``begin``, or ``decay`` is set
            without ``end``.
    """

    begin: int = 0
    end: int | None = None
    warmup: int = 0
    decay: int = 0
    cosine: bool = False
    by_epoch: bool = True

    def __post_init__(self) -> None:
        if min(self.begin, self.warmup, self.decay) < 0:
            raise ValueError(f"begin, warmup and decay cannot be negative: {self}.")
        if self.end is not None and self.end <= self.begin:
            raise ValueError(f"The schedule ends before it begins: {self}.")
        if self.decay and self.end is None:
            raise ValueError(f"A decay needs an `end` to arrive at: {self}.")

    def factor(self, progress: int) -> float:
        """Return the factor, from 0 to 1, in an epoch or iteration counted from 0."""
        if progress < self.begin or (self.end is not None and progress >= self.end):
            return 0.0
        factor = 1.0
        if self.warmup:
            factor = min(factor, (progress - self.begin + 1) / self.warmup)
        if self.decay and self.end is not None:
            left = (self.end - progress) / self.decay
            if self.cosine:
                left = (1 - math.cos(math.pi * min(left - 1 / self.decay, 1))) / 2
            factor = min(factor, left)
        return factor

    def now(self) -> float:
        """Return the factor at the current point of the run, from the Runner's message hub.

        Without a Runner this is the factor of the first epoch or iteration.
        """
        hub = MessageHub.get_current_instance()
        return self.factor(hub.get_info("epoch" if self.by_epoch else "iter", 0))
