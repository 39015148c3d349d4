"""Times of training steps that take turns in one process, so that they can be compared."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper

Step = Callable[[], Any]
WARM_UP = 3


def training_step(model: BaseModel, config: Config, data: dict[str, Any]) -> Step:
    """Return a training step of a model on a batch, at a learning rate of 0.

    Otherwise random weights could diverge, and a detector's proposals depend on the weights.

    Args:
        model: The model, on its device.
        config: Config that contains the ``optim_wrapper``.
        data: A batch, in the form of a data loader's.
    """
    model.train()
    optim_wrapper = build_optim_wrapper(model, config.optim_wrapper)
    for group in optim_wrapper.param_groups:
        group["lr"] = 0.0
    return lambda: model.train_step(data, optim_wrapper)


def measure(
    steps: Mapping[str, Step],
    rounds: int,
    iterations: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds of every iteration of every step; the steps take turns.

    Args:
        steps: The steps to measure, by name.
        rounds: Number of turns of each step.
        iterations: Number of iterations in a turn.
        clock: Function that returns a time in seconds, such as the processor time of this process.
    """
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        for _ in range(WARM_UP):
            step()
    for _ in range(rounds):
        for name, step in steps.items():
            for _ in range(iterations):
                _synchronize()
                started = clock()
                step()
                _synchronize()
                seconds[name].append(clock() - started)
    return seconds


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
