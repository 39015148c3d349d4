"""Global context block, which FGD trains to relate all positions of a map."""

from mmengine.model import constant_init, kaiming_init
from torch import Tensor, nn


class GlobalContext(nn.Module):
    """Block that adds to a map a vector computed from its context, pooled by learned attention.

    GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond (Cao et al., ICCV
    workshops 2019). The block starts as the identity, because its last convolution starts at 0.

    Args:
        channels: Number of channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 2, 1)
        self.attend = nn.Conv2d(channels, 1, 1)
        self.transform = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.LayerNorm([hidden, 1, 1]),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
        )
        kaiming_init(self.attend, mode="fan_in")
        constant_init(self.transform[-1], 0)

    def forward(self, maps: Tensor) -> Tensor:
        """Return a map of the same shape (N, C, H, W)."""
        attention = self.attend(maps).flatten(2).softmax(-1)
        context = maps.flatten(2) @ attention.transpose(1, 2)
        related: Tensor = maps + self.transform(context[..., None])
        return related
