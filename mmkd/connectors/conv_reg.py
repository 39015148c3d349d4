"""Convolutional regressor of FitNets, from a map to the channels and resolution of another map."""

from torch import Tensor, nn

from mmkd.connectors.conv_bn_relu import check_maps
from mmkd.connectors.projection import resize
from mmkd.registry import MODELS


@MODELS.register_module()
class ConvRegConnector(nn.Module):
    """A convolution that fits the teacher's map, batch norm, and optionally ReLU.

    FitNets: Hints for Thin Deep Nets (Romero et al., ICLR 2015), section 2.2, as RepDistiller
    builds it. The sizes of the two maps determine the convolution. If the teacher's map is half as
    high and wide as the student's, the convolution is 3x3 with stride 2; if twice as high and wide,
    a transposed 4x4 with stride 2; if equal or smaller otherwise, it has no padding and a kernel of
    1 plus the difference in size. For other larger sizes, which RepDistiller refuses, the map is
    interpolated before a 3x3 convolution. If images differ in size from those of the dry run, the
    result is resized to the teacher's map at the end.

    Args:
        student_shape: Shape of the student's map, (N, C, H, W).
        teacher_shape: Shape of the teacher's map, (N, C, H, W).
        activation: Whether a ReLU follows; leave it out if maps before their activation are
            compared.
    """

    def __init__(
        self,
        student_shape: tuple[int, ...],
        teacher_shape: tuple[int, ...],
        activation: bool = True,
    ) -> None:
        super().__init__()
        check_maps(student_shape, teacher_shape)
        channels = student_shape[1], teacher_shape[1]
        (height, width), (h, w) = student_shape[2:], teacher_shape[2:]
        self.enlarges = False
        self.conv: nn.Module
        if (height, width) == (2 * h, 2 * w):
            self.conv = nn.Conv2d(*channels, kernel_size=3, stride=2, padding=1)
        elif (2 * height, 2 * width) == (h, w):
            self.conv = nn.ConvTranspose2d(*channels, kernel_size=4, stride=2, padding=1)
        elif height >= h and width >= w:
            self.conv = nn.Conv2d(*channels, kernel_size=(1 + height - h, 1 + width - w))
        else:
            self.enlarges = True
            self.conv = nn.Conv2d(*channels, kernel_size=3, padding=1)
        self.bn = nn.BatchNorm2d(teacher_shape[1])
        self.relu = nn.ReLU() if activation else nn.Identity()

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's map (N, C, H, W) in the shape of the teacher's."""
        height, width = teacher.shape[2:]
        if self.enlarges:
            student = resize(student, height, width)
        activated: Tensor = self.relu(self.bn(self.conv(student)))
        if activated.shape[2:] != teacher.shape[2:]:
            activated = resize(activated, height, width)
        return activated
