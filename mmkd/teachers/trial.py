"""Trial of an accelerated network against the exact one, on images of the run."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmkd.arithmetic import full_precision
from mmkd.networks.taps import Tap
from mmkd.teachers.acceleration import Tensors, relative_error

# Trained networks in bfloat16 have errors of about 1 % and give about 2 % of CIFAR-100's images
# another class.
MOST_ERROR, LEAST_AGREEMENT, MOST_DIVERGENCE = 0.1, 0.95, 0.01
LEAST_GAIN = 0.8  # times as fast; below 1, since a single measurement of time is uncertain
Run = Callable[[], Tensors]


@dataclass(frozen=True)
class Agreement:
    """Comparison of what two networks give for the same images.

    Attributes:
        error: Greatest relative error at a tap, in norms.
        top1: Share of images, or of other rows of logits, that get the same class; ``None`` without
            class logits.
        divergence: Mean KL divergence from the exact network's softmax to the other one's, in nats;
            ``None`` without class logits.
    """

    error: float
    top1: float | None
    divergence: float | None

    @classmethod
    def of(cls, fast: Tensors, exact: Tensors, logits: Sequence[Tap]) -> "Agreement":
        """Compare tensors at the same taps, among them those of the logits (..., C)."""
        error = max(relative_error(fast[tap], exact[tap]) for tap in exact)
        if not logits:
            return cls(error, None, None)
        pairs = [(_rows(fast[tap]), _rows(exact[tap])) for tap in logits]
        found, expected = (torch.cat(rows) for rows in zip(*pairs, strict=True))
        same = found.argmax(1) == expected.argmax(1)
        log_found, log_expected = found.log_softmax(1), expected.log_softmax(1)
        divergence = (log_expected.exp() * (log_expected - log_found)).sum(1).mean()
        return cls(error, float(same.float().mean()), float(divergence))

    @property
    def good(self) -> bool:
        """Whether the difference is small enough to be rounding."""
        if self.top1 is None or self.divergence is None:
            return self.error <= MOST_ERROR
        close = self.error <= MOST_ERROR and self.divergence <= MOST_DIVERGENCE
        return close and self.top1 >= LEAST_AGREEMENT

    def __str__(self) -> str:
        if self.top1 is None:
            return f"a relative error of {self.error:.2%}"
        return (
            f"the same top-1 class for {self.top1:.1%}, a KL divergence of {self.divergence:.2g} "
            f"nats and a relative error of {self.error:.2%}"
        )


def _rows(logits: Tensor) -> Tensor:
    return full_precision(logits).reshape(-1, logits.shape[-1])


def try_out(fast: Run, exact: Run, logits: Sequence[Tap]) -> tuple[bool, str]:
    """Run both networks on the same images, and compare outputs and times.

    Args:
        fast: Function that runs the accelerated network and returns the tensors at its taps.
        exact: Function that runs the exact one.
        logits: The taps of class logits, among the taps that the functions return.

    Returns:
        Whether the accelerated network can replace the exact one, and a text that describes the
        comparison.
    """
    try:
        fast()  # compiles
        quick, tensors = _timed(fast)
    except Exception as error:  # a foreign network may not compile, or not run in that type
        lines = str(error).strip().splitlines() or [""]
        return False, f"it cannot be run like this: {type(error).__name__}: {lines[0]}"
    exact()
    slow, expected = _timed(exact)
    agreement = Agreement.of(tensors, expected, logits)
    gain = slow / quick
    return agreement.good and gain >= LEAST_GAIN, f"{agreement}; {gain:.2f} times as fast"


def _timed(run: Run) -> tuple[float, Tensors]:
    """Return the seconds of a run, and the tensors that it returns."""
    started = time.perf_counter()
    tensors = run()
    if any(tensor.is_cuda for tensor in tensors.values()):
        torch.cuda.synchronize()
    return time.perf_counter() - started, tensors
