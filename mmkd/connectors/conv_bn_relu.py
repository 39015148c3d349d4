"""Resize to the teacher's resolution, then 1x1 convolution, batch norm and ReLU."""

from torch import Tensor, nn

from mmkd.connectors.projection import resize
from mmkd.registry import MODELS


@MODELS.register_module()
class ConvBNReLUConnector(nn.Module):
    """Resize the student's map to the teacher's resolution, then 1x1 convolution, BN and ReLU.

    It follows the released code of Confidence-Aware Multi-Teacher Knowledge Distillation (Zhang,
    Chen, Wang; ICASSP 2022), which compares the last maps in this way. The result is not negative,
    like the teacher's activated map. Each axis is averaged down, or interpolated up.

    Args:
        student_shape: Shape of the student's map, (N, C, H, W).
        teacher_shape: Shape of the teacher's map, (N, C, H, W).
    """

    def __init__(self, student_shape: tuple[int, ...], teacher_shape: tuple[int, ...]) -> None:
        super().__init__()
        check_maps(student_shape, teacher_shape)
        self.conv = nn.Conv2d(student_shape[1], teacher_shape[1], kernel_size=1)
        self.bn = nn.BatchNorm2d(teacher_shape[1])
        self.relu = nn.ReLU()

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's map (N, C, H, W) in the shape of the teacher's."""
        if student.shape[2:] != teacher.shape[2:]:
            student = resize(student, teacher.shape[2], teacher.shape[3])
        activated: Tensor = self.relu(self.bn(self.conv(student)))
        return activated


def check_maps(student_shape: tuple[int, ...], teacher_shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless both shapes are of maps (N, C, H, W)."""
    if len(student_shape) != 4 or len(teacher_shape) != 4:
        raise ValueError(
            f"a convolution takes two maps (N, C, H, W), not shapes {student_shape} and "
            f"{teacher_shape}; mmkd.ProjectionConnector takes vectors and tokens too, and "
            "mmkd.TokenConnector tokens beside a map."
        )
