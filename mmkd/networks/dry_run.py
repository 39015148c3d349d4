"""One forward of a network on an example input, to find what it gives."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.networks.manner import manner_of
from mmkd.networks.taps import Tap, TapError, expand, run_tapped

Shapes = dict[Tap, tuple[int, ...]]


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network's first parameter or buffer; the CPU if it has none."""
    for tensor in (*network.parameters(), *network.buffers()):
        return tensor.device
    return torch.device("cpu")


def example_input(network: nn.Module, input_shape: Sequence[int] | None) -> Tensor:
    """Return a batch of two inputs of the given shape (C, H, W), or of a likely one."""
    if input_shape is None:
        mean = getattr(getattr(network, "data_preprocessor", None), "mean", None)
        input_shape = (3 if mean is None else mean.numel(), 64, 64)
    return torch.zeros(2, *input_shape, device=device_of(network))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Let a network be run without training it or its statistics."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)


def shapes_of(name: str, network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    """Return the shapes at taps of a network that is trained, from a dry run.

    Args:
        name: Names the network in errors, such as ``'student'``.
        network: The network.
        inputs: An example of its input (N, C, H, W).
        taps: What to catch.

    Raises:
        ValueError: In words, if it has no such tensors or cannot take the input.
    """
    for tap in taps:
        tap.check(network)
    forward = _forward(network, inputs, taps)
    try:
        with evaluating(network):
            try:
                _, caught = run_tapped(network, taps, forward)
            except TapError:
                raise
            except Exception:  # behind the deepest tap, perhaps, where nothing is read
                _, caught = run_tapped(network, taps, forward, stop=True)
    except TapError as error:
        raise ValueError(f"The {name} cannot be tapped like this. {error}") from error
    except RuntimeError as error:
        raise ValueError(
            f"The {name} cannot take an input of shape {tuple(inputs.shape)}, on which its shapes "
            f"are found: {error} Give the real one as model.input_shape=(channels, height, width)."
        ) from error
    return {tap: tuple(tensor.shape) for tap, tensor in caught.items()}


def expand_taps(network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, list[Tap]]:
    """Return what short taps of a network stand for, from a dry run."""
    if not taps:
        return {}
    with evaluating(network):
        return expand(network, taps, _forward(network, inputs, taps))


def _forward(network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> Callable[[], Any]:
    return partial(manner_of(network).forward, network, inputs, taps)
