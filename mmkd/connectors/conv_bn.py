"""1x1 convolution and batch norm to the teacher's channels, and resize to its resolution."""

from torch import Tensor, nn

from mmkd.connectors.conv_bn_relu import check_maps
from mmkd.connectors.projection import resize
from mmkd.registry import MODELS


@MODELS.register_module()
class ConvBNConnector(nn.Module):
    """A 1x1 convolution without bias and batch norm, for features before their activation.

    It follows the released code of A Comprehensive Overhaul of Feature Distillation (Heo et al.,
    ICCV 2019), which initialises the convolution by Kaiming's normal distribution over the outputs.
    The convolution also exists if the shapes agree, unless ``released_code`` is set. If the sizes
    differ, each axis of the student's map is averaged down, or interpolated up.

    Args:
        student_shape: Shape of the student's map, (N, C, H, W).
        teacher_shape: Shape of the teacher's map, (N, C, H, W).
        released_code: Let the student's map pass unchanged if the shapes agree, as in the released
            code of AB.
    """

    def __init__(
        self,
        student_shape: tuple[int, ...],
        teacher_shape: tuple[int, ...],
        released_code: bool = False,
    ) -> None:
        super().__init__()
        check_maps(student_shape, teacher_shape)
        self.unchanged = released_code and tuple(student_shape[1:]) == tuple(teacher_shape[1:])
        if self.unchanged:
            return
        self.conv = nn.Conv2d(student_shape[1], teacher_shape[1], kernel_size=1, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out", nonlinearity="relu")
        self.bn = nn.BatchNorm2d(teacher_shape[1])

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's map (N, C, H, W) in the shape of the teacher's."""
        if self.unchanged:
            return student
        if student.shape[2:] != teacher.shape[2:]:
            student = resize(student, teacher.shape[2], teacher.shape[3])
        normalised: Tensor = self.bn(self.conv(student))
        return normalised
