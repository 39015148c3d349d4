"""Weights of a frozen network in the type of autocast, cast once and not in every step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# The forwards of these layers pass weight and bias to one operation, for which autocast casts both.
CAST = {
    kind.forward
    for kind in (
        nn.Linear,
        nn.Conv1d,
        nn.Conv2d,
        nn.Conv3d,
        nn.ConvTranspose1d,
        nn.ConvTranspose2d,
        nn.ConvTranspose3d,
    )
}
# The fast paths of these modules use the weights of their inner layers without autocast.
WHOLE = (nn.MultiheadAttention, nn.TransformerEncoderLayer)
# Before version 2.4 torch does not tell the autocast type of a device; then autocast itself casts
# the weights in every step.
SAYS_TYPE = hasattr(torch, "get_autocast_dtype")


class CastWeights:
    """The weights of a network's convolutions and linear layers in a lower type.

    Autocast keeps its casts of trained weights for the length of a step, but casts the weights of a
    frozen network again in each step. The casts of this class have the same values. The network's
    own weights do not change, and are restored when the context of :meth:`used` ends.

    Args:
        network: The network.
        dtype: The type of autocast.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._found: list[tuple[nn.Module, str, nn.Parameter, tuple[int, int], nn.Parameter]] = []
        wholes = (module for module in network.modules() if isinstance(module, WHOLE))
        inside = {part for whole in wholes for part in whole.modules()}
        for module in network.modules():
            forward = None if module in inside else getattr(type(module), "forward", None)
            if forward not in CAST or "forward" in vars(module):
                continue
            for name in ("weight", "bias"):
                own = module._parameters.get(name)
                if own is not None and own.dtype == torch.float32:
                    cast = nn.Parameter(own.detach().to(dtype), requires_grad=False)
                    self._found.append((module, name, own, _version(own), cast))

    def fits(self, dtype: torch.dtype) -> bool:
        """Return whether the casts have this type, and the weights have not changed since then."""
        return dtype == self.dtype and all(
            module._parameters[name] is own and _version(own) == version
            for module, name, own, version, _ in self._found
        )

    @contextmanager
    def used(self) -> Iterator[None]:
        """Return a context in which the network has these weights."""
        try:
            for module, name, _, _, cast in self._found:
                module._parameters[name] = cast
            yield
        finally:
            for module, name, own, _, _ in self._found:
                module._parameters[name] = own


def _version(tensor: Tensor) -> tuple[int, int]:
    """Return numbers that change if a tensor is written or moved."""
    return tensor._version, tensor.data_ptr()
