"""Linear projection to the teacher's channels, and resize to its resolution."""

from torch import Tensor, nn
from torch.nn import functional

from mmkd.registry import MODELS


@MODELS.register_module()
class ProjectionConnector(nn.Module):
    """A 1x1 convolution for feature maps, a linear layer for vectors and tokens.

    The projection has no normalisation and no activation. If the channels agree, there is no
    projection, and maps are only resized: averaged down, or interpolated up, to the teacher's
    resolution.

    Args:
        student_shape: Shape of the student's feature: (N, C, H, W), (N, L, C) or (N, C).
        teacher_shape: Shape of the teacher's feature, with as many dimensions.
    """

    def __init__(self, student_shape: tuple[int, ...], teacher_shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(student_shape) != len(teacher_shape) or not 2 <= len(student_shape) <= 4:
            raise ValueError(
                f"a projection takes two maps, two token sequences or two vectors, not shapes "
                f"{student_shape} and {teacher_shape}."
            )
        if len(student_shape) == 3 and student_shape[1] != teacher_shape[1]:
            raise ValueError(
                f"student and teacher have {student_shape[1]} and {teacher_shape[1]} tokens; a "
                "projection changes channels only. Take mmkd.TokenConnector."
            )
        self.is_map = len(student_shape) == 4
        channel = 1 if self.is_map else -1
        inputs, outputs = student_shape[channel], teacher_shape[channel]
        self.projection: nn.Module
        if inputs == outputs:
            self.projection = nn.Identity()
        elif self.is_map:
            self.projection = nn.Conv2d(inputs, outputs, kernel_size=1)
        else:
            self.projection = nn.Linear(inputs, outputs)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's feature in the teacher's shape."""
        if self.is_map and student.shape[2:] != teacher.shape[2:]:
            student = resize(student, teacher.shape[2], teacher.shape[3])
        projected: Tensor = self.projection(student)
        return projected


def resize(features: Tensor, height: int, width: int) -> Tensor:
    """Resize maps (N, C, H, W): each axis is averaged down or interpolated up."""
    smaller = min(features.shape[2], height), min(features.shape[3], width)
    pooled = functional.adaptive_avg_pool2d(features, smaller)
    if smaller == (height, width):
        return pooled
    return functional.interpolate(pooled, (height, width), mode="bilinear", align_corners=False)
