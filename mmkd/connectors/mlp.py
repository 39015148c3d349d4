"""Connector with a hidden layer at each position."""

from torch import Tensor, nn

from mmkd.connectors.projection import ProjectionConnector
from mmkd.connectors.tokens import TokenConnector
from mmkd.networks.grids import to_map, to_tokens
from mmkd.registry import MODELS

Shape = tuple[int, ...]


@MODELS.register_module()
class MLPConnector(nn.Module):
    """Resize to the teacher's size, then a linear layer, GELU and a linear layer at each position.

    It is the head that UNIC trains for each of several teachers, with its initial values: normal
    weights of deviation 0.02, truncated at -2 and 2, and biases of 0. UNIC adds up the outputs of
    one such head for each block of a ViT. Vectors, maps and tokens are taken, and resized like
    those of :class:`ProjectionConnector` and :class:`TokenConnector`.

    Args:
        student_shape: Shape of the student's feature: (N, C), (N, C, H, W) or (N, L, C).
        teacher_shape: Shape of the teacher's feature, of a vector if the student's is one.
        ratio: Width of the hidden layer, relative to the teacher's channels.
    """

    def __init__(self, student_shape: Shape, teacher_shape: Shape, ratio: float = 1.0) -> None:
        super().__init__()
        if ratio <= 0:
            raise ValueError(f"the ratio of the hidden layer must be positive, not {ratio}.")
        own, theirs = (shape[_channel(shape)] for shape in (student_shape, teacher_shape))
        # The connectors between features of as many channels only resize.
        same = list(teacher_shape)
        same[_channel(teacher_shape)] = own
        kind = TokenConnector if 3 in (len(student_shape), len(same)) else ProjectionConnector
        self.resize = kind(student_shape, tuple(same))
        hidden = max(int(ratio * theirs), 1)
        first, last = nn.Linear(own, hidden), nn.Linear(hidden, theirs)
        for layer in (first, last):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.layers = nn.Sequential(first, nn.GELU(), last)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's feature in the teacher's shape."""
        resized: Tensor = self.resize(student, teacher)
        if resized.dim() == 4:
            return to_map(self.layers(to_tokens(resized)), resized.shape[2:])
        mapped: Tensor = self.layers(resized)
        return mapped


def _channel(shape: Shape) -> int:
    return -1 if len(shape) == 3 else 1
