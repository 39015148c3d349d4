"""Feature maps of different sizes, brought to one size."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import Module
from torch.nn.functional import adaptive_avg_pool2d

from mmkd.networks.grids import as_maps


def same_size(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Average the larger of two maps, (N, C, H, W) and (N, C', H', W'), to the size of the smaller.

    Tokens (N, L, C) are turned into maps on their grid first.

    Raises:
        ValueError: If either input is not a map.
    """
    student, teacher = as_maps(student, teacher)
    for features in (student, teacher):
        if features.dim() != 4:
            raise ValueError(
                f"A loss on feature maps got features of shape {tuple(features.shape)}, not "
                "(N, C, H, W): tap a stage of the backbone, before any pooling."
            )
    height, width = map(min, student.shape[2:], teacher.shape[2:])
    return _pooled(student, height, width), _pooled(teacher, height, width)


def _pooled(maps: Tensor, height: int, width: int) -> Tensor:
    if maps.shape[2:] == (height, width):
        return maps
    return adaptive_avg_pool2d(maps, (height, width))


def pooled(features: Tensor) -> Tensor:
    """Return vectors (N, C): maps (N, C, H, W) and tokens (N, L, C) are averaged over positions."""
    if features.dim() == 3:
        return features.mean(1)
    return features.flatten(2).mean(2) if features.dim() > 2 else features


def channels_of(shape: Sequence[int]) -> int:
    """Return the number of channels of a vector (N, C), a map (N, C, H, W) or tokens (N, L, C)."""
    return shape[2] if len(shape) == 3 else shape[1]


def check_alike(loss: Module, student: Tensor, teacher: Tensor) -> None:
    """Raise ``ValueError`` unless both features have one shape."""
    if student.shape != teacher.shape:
        raise ValueError(
            f"{type(loss).__name__} got student features {tuple(student.shape)} and teacher "
            f"features {tuple(teacher.shape)}: put a connector between them, such as "
            "connector=dict(type='mmkd.ProjectionConnector')."
        )


def maps_alike(loss: Module, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Return two maps (N, C, H, W) of one shape; tokens (N, L, C) become maps on their grid.

    Raises:
        ValueError: If the inputs are not maps or differ in shape.
    """
    student, teacher = as_maps(student, teacher)
    if 4 not in (student.dim(), teacher.dim()):
        raise ValueError(
            f"{type(loss).__name__} compares feature maps (N, C, H, W), not features of shape "
            f"{tuple(student.shape)}: tap a stage of the backbone or the levels of the neck."
        )
    check_alike(loss, student, teacher)
    return student, teacher
