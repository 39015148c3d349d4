"""Connector from tokens of a transformer to a map or to other tokens, and from a map to tokens."""

import torch
from torch import Tensor, nn

from mmkd.connectors.projection import resize
from mmkd.networks.grids import grid_size, to_map, to_tokens
from mmkd.registry import MODELS

Shape = tuple[int, ...]


@MODELS.register_module()
class TokenConnector(nn.Module):
    """The student's positions, resized to the teacher's resolution, through a linear layer.

    Tokens (N, L, C) lie on a grid, row by row, behind leading tokens such as a class token. The
    grid is resized like a map: averaged down, or interpolated up. A map becomes tokens for a
    teacher with tokens, and tokens become a map for a teacher with a map. Leading tokens of the
    teacher are compared with the student's if the student has as many, and otherwise with the mean
    of the student's positions; a teacher's map is compared with the grid alone. If the channels
    agree, there is no linear layer.

    Args:
        student_shape: Shape of the student's feature, (N, L, C) or (N, C, H, W).
        teacher_shape: Shape of the teacher's feature, in either form.

    Raises:
        ValueError: If neither feature has tokens, or tokens form no grid. A map determines the
            grid's aspect; two sequences of tokens must have square grids.
    """

    def __init__(self, student_shape: Shape, teacher_shape: Shape) -> None:
        super().__init__()
        if {len(student_shape), len(teacher_shape)} not in ({3}, {3, 4}):
            raise ValueError(
                "tokens are compared with tokens (N, L, C) or with a map (N, C, H, W), not shapes "
                f"{student_shape} and {teacher_shape}; for two maps or two vectors take "
                "mmkd.ProjectionConnector."
            )
        for shape in (student_shape, teacher_shape):
            if len(shape) == 3:
                grid_size(shape[1], _aspect(student_shape, teacher_shape))
        inputs, outputs = (
            shape[1 if len(shape) == 4 else 2] for shape in (student_shape, teacher_shape)
        )
        self.projection = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's feature in the teacher's shape."""
        like = _aspect(student.shape, teacher.shape)
        grid = to_map(student, like) if student.dim() == 3 else student
        is_map = teacher.dim() == 4
        size = tuple(teacher.shape[2:]) if is_map else grid_size(teacher.shape[1], like)
        resized = grid if grid.shape[2:] == size else resize(grid, *size)
        patches = to_tokens(resized)
        if is_map:
            projected: Tensor = self.projection(patches)
            return to_map(projected, size)
        if count := teacher.shape[1] - patches.shape[1]:
            if student.dim() == 3 and student.shape[1] - grid[0, 0].numel() == count:
                leading = student[:, :count]
            else:
                leading = to_tokens(grid).mean(1, keepdim=True).expand(-1, count, -1)
            patches = torch.cat([leading, patches], dim=1)
        tokens: Tensor = self.projection(patches)
        return tokens


def _aspect(student: Shape | torch.Size, teacher: Shape | torch.Size) -> tuple[int, ...]:
    """Return height and width of the feature that is a map, or of a square if neither is."""
    return next((tuple(shape[2:]) for shape in (student, teacher) if len(shape) == 4), (1, 1))
