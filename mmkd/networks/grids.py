"""Token grids: the tokens (N, L, C) of a transformer as a map (N, C, H, W), and back."""

from collections.abc import Sequence
from math import isqrt

from torch import Tensor

LEADING = 8  # maximum number of class, distillation and register tokens before the patches


def grid_size(length: int, like: Sequence[int] = (1, 1)) -> tuple[int, int]:
    """Return height and width of the grid of patches among ``length`` tokens.

    Class and register tokens come first, the patches follow row by row. The grid is the largest one
    of the right aspect that leaves at most 8 leading tokens.

    Args:
        length: Number of tokens.
        like: Height and width of a map of the same images; the grid gets the same aspect. By
            default a square.

    Raises:
        ValueError: If there is no such grid.
    """
    rows, columns = like
    for patches in range(length, max(length - LEADING - 1, 0), -1):
        height = isqrt(patches * rows // columns)
        if (
            height
            and height * (patches // height) == patches
            and (height * columns == patches // height * rows)
        ):
            return height, patches // height
    aspect = "square" if rows == columns else f"{rows}:{columns}"
    raise ValueError(
        f"{length} tokens form no {aspect} grid behind at most {LEADING} class or register tokens: "
        "they cannot be compared as a map. Tap a stage that gives maps (N, C, H, W), or train on "
        "square images."
    )


def to_map(tokens: Tensor, like: Sequence[int] = (1, 1)) -> Tensor:
    """Return the patches of tokens (N, L, C) as a map (N, C, H, W), without leading tokens."""
    height, width = grid_size(tokens.shape[1], like)
    patches = tokens[:, tokens.shape[1] - height * width :]
    return patches.transpose(1, 2).reshape(len(tokens), tokens.shape[2], height, width)


def to_tokens(maps: Tensor) -> Tensor:
    """Return the positions of a map (N, C, H, W), row by row, as tokens (N, H * W, C)."""
    return maps.flatten(2).transpose(1, 2)


def as_maps(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Return two features, with tokens turned into maps; a map gives the grid of the tokens."""
    like = next((part.shape[2:] for part in (student, teacher) if part.dim() == 4), (1, 1))
    first, second = (to_map(part, like) if part.dim() == 3 else part for part in (student, teacher))
    return first, second
