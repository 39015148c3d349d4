"""Channel shuffle of the ShuffleNets."""

from torch import Tensor


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave ``groups`` runs of channels: ``(N, C, H, W)`` to the same shape.

    ``nn.ChannelShuffle`` does the same, but torch's older ONNX exporter has no operator for it.
    """
    _, channels, height, width = x.shape
    runs = x.reshape(-1, groups, channels // groups, height, width)
    return runs.transpose(1, 2).reshape(-1, channels, height, width)
