"""Bridge from a map of one network to a map of another network (FCFD)."""

from collections.abc import Sequence

from torch import nn

SLOPE = 0.1


def _convolution(given: Sequence[int], wanted: Sequence[int]) -> nn.Module:
    channels = given[1], wanted[1]
    sizes = [*zip(given[2:], wanted[2:], strict=True)]
    if all(size == goal for size, goal in sizes):
        return nn.Conv2d(*channels, 3, padding=1, bias=False)
    if all((size + 1) // 2 == goal for size, goal in sizes):
        return nn.Conv2d(*channels, 3, stride=2, padding=1, bias=False)
    if all(2 * size == goal for size, goal in sizes):
        return nn.ConvTranspose2d(*channels, 4, stride=2, padding=1, bias=False)
    raise ValueError(
        f"FCFD has no bridge from a map of {given[2]} x {given[3]} to one of {wanted[2]} x "
        f"{wanted[3]}: tap stages of one size, or of twice or half of it."
    )


class FCFDBridge(nn.Sequential):
    """3x3 convolution, batch norm and, if the wanted map is an activated one, a leaky ReLU.

    As in FCFD's released code: a map of twice the size passes a convolution with stride 2, a map of
    half the size a transposed 4x4 convolution; convolutions start with Kaiming's normal
    distribution over the outputs, transposed ones as PyTorch initialises them; the leaky ReLU has
    slope 0.1.

    Args:
        given: Shape of the input map, (N, C, H, W).
        wanted: Shape of the output map, (N, C', H', W').
        activated: Whether the wanted map comes after a ReLU.

    Raises:
        ValueError: If the sizes are neither equal nor one half of the other.
    """

    def __init__(self, given: Sequence[int], wanted: Sequence[int], activated: bool) -> None:
        convolution = _convolution(given, wanted)
        if isinstance(convolution, nn.Conv2d):
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        activation = [nn.LeakyReLU(SLOPE)] if activated else []
        super().__init__(convolution, nn.BatchNorm2d(wanted[1]), *activation)
