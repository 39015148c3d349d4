"""Forward of a network on an example input, which shows the shapes of its tensors."""

from collections.abc import Callable, Collection, Iterator
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


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Let a network run without training it or changing its statistics.

    Afterwards each of its modules is in its previous mode.
    """
    training, modes = network.training, {part: part.training for part in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)
        for part, mode in modes.items():
            part.training = mode


def in_words(error: Exception) -> str:
    """Return the text of a foreign network's exception, or its type if it has no text."""
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {text}" if text else f"{type(error).__name__}, without a text"


def shapes_of(name: str, network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> Shapes:
    """Return the shapes at taps of a trained network, from a dry run.

    Args:
        name: Name of the network in errors, such as ``'student'``.
        network: The network.
        inputs: An example of its input (N, C, H, W).
        taps: Taps to catch.

    Raises:
        ValueError: If the network has no such tensors or cannot take the input.
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
            # the error may come from behind the deepest tap, where nothing is read
            except Exception:
                _, caught = run_tapped(network, taps, forward, stop=True)
    except TapError as error:
        raise ValueError(f"The {name} cannot be tapped like this. {error}") from error
    except Exception as error:  # a foreign network may raise anything
        raise ValueError(
            f"The {name} cannot take an input of shape {tuple(inputs.shape)}, on which its shapes "
            f"are found: {in_words(error)}. Give the real one as model.input_shape=(channels, "
            "height, width)."
        ) from error
    return {tap: tuple(tensor.shape) for tap, tensor in caught.items()}


def expand_taps(network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> dict[Tap, list[Tap]]:
    """Return the taps that short taps of a network stand for, from a dry run."""
    if not taps:
        return {}
    with evaluating(network):
        return expand(network, taps, _forward(network, inputs, taps))


def _forward(network: nn.Module, inputs: Tensor, taps: Collection[Tap]) -> Callable[[], Any]:
    return partial(manner_of(network).forward, network, inputs, taps)
