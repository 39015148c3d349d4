"""Later part of a teacher's dense head, which predicts from student features (CrossKD)."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.networks.taps import Tap
from mmkd.teachers.teacher import Teacher

# The towers of convolutions that mmdet's dense heads have, for the classes and for the boxes.
TOWERS = ("cls_convs", "reg_convs")
EPS = 1e-6  # added to the deviation of a channel, as in the released code
# Largest difference allowed between the teacher's output and the output of the later part of its
# head on the teacher's own feature, as a share of the output's deviation. A share of the output's
# norm would hide errors, since the biases dominate the outputs of an untrained head.
TOLERANCE = 1e-3


class CrossHead:
    """Part of a teacher's dense head behind one convolution of a tower.

    CrossKD: Cross-Head Knowledge Distillation for Object Detection (Wang et al., CVPR 2024). The
    student's feature behind the convolution and before its activation gets, channel by channel, the
    mean and the deviation that the teacher's feature has over the batch, on each level. The
    activation and the rest of the teacher's head turn it into a prediction.

    Like the teacher the head is in eval mode, and its parameters get no gradient; the feature does.
    The constructor checks that the rest turns the teacher's own features into its own outputs.

    Args:
        name: The teacher's name, for errors.
        teacher: The teacher.
        path: Path of the convolution, such as ``'bbox_head.cls_convs.2'``.
        features: Taps of what its activation takes, one for each level.
        outputs: Taps of the head's output that is compared, one for each level.
        inputs: An example of the student's input (N, C, H, W); its shape is used.

    Raises:
        ValueError: If the head cannot be run from there; the message says why.
    """

    def __init__(
        self,
        name: str,
        teacher: Teacher,
        path: str,
        features: Sequence[Tap],
        outputs: Sequence[Tap],
        inputs: Tensor,
    ) -> None:
        self.teacher, self.features, self.outputs = teacher, [*features], [*outputs]
        tower, _, number = path.rpartition(".")
        self._head, _, self._tower = tower.rpartition(".")
        if self._tower not in TOWERS or not number.isdigit():
            raise ValueError(
                f"'{path}' is no convolution in a tower of a dense head of mmdet: write one such "
                "as cross='bbox_head.cls_convs.2' for the classes, or 'bbox_head.reg_convs.2' for "
                "the boxes."
            )
        self._number = int(number)
        if teacher.class_map is not None:
            raise ValueError(
                f"There is a class_map of the teacher {name!r}. What its head makes of the "
                "student's features has its own classes: take a teacher with the student's classes."
            )
        if any(part._compiled_call_impl is not None for part in teacher.network.modules()):
            raise ValueError(
                f"Parts of the teacher {name!r} are compiled, and its head cannot be run from "
                f"'{path}': set the teacher's compile=False."
            )
        self._verify(name, path, inputs)

    def __call__(self, students: Sequence[Tensor], teachers: Sequence[Tensor]) -> list[Tensor]:
        """Return the predictions of the teacher's head from features of the student.

        Args:
            students: The student's features before the activation, (N, C, H, W) for each level.
            teachers: The teacher's, likewise.

        Returns:
            The output at each of the teacher's compared taps.
        """
        given = self.teacher.dtype
        pairs = zip(students, teachers, strict=True)
        return self._run([align(own, theirs).to(given or own.dtype) for own, theirs in pairs])

    def _run(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return the predictions from features of the teacher's distribution."""
        with self.teacher.alone():
            predictions = self._rest(features)([feature.detach() for feature in features])
        return [tap.pick(predictions) for tap in self.outputs]

    def _rest(self, features: Sequence[Tensor]) -> nn.Module:
        """Return a head that shares the modules of the teacher's and begins with these features.

        The other tower is left out, so that the outputs that follow from it mean nothing.
        """
        head: Any = self.teacher.network.get_submodule(self._head)
        tower = getattr(head, self._tower)
        rest: nn.Module = copy(head)
        rest._modules = dict(head._modules)
        for name in TOWERS:
            setattr(rest, name, nn.ModuleList())
        first = _Given(features, tower[self._number].activate)
        setattr(rest, self._tower, nn.ModuleList([first, *tower[self._number + 1 :]]))
        return rest

    @torch.no_grad()
    def _verify(self, name: str, path: str, inputs: Tensor) -> None:
        """Run the rest on the teacher's own features, and compare it with the teacher."""
        images = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0)).to(inputs)
        caught = self.teacher.example(images, [*self.features, *self.outputs])
        try:
            found = self._run([caught[tap] for tap in self.features])
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"The head of the teacher {name!r} cannot be run from '{path}': {error}"
            ) from error
        for tap, output in zip(self.outputs, found, strict=True):
            expected = caught[tap]
            if output.shape != expected.shape or not _near(output, expected):
                raise ValueError(
                    f"What the teacher {name!r} gives at '{tap}' does not follow from '{path}' "
                    "alone: run from there its head gives something else. Name a convolution of "
                    "the tower that leads to this output, and tap all levels."
                )


class _Given(nn.Module):
    """First module of a tower: gives one feature after another, whatever it takes."""

    def __init__(self, features: Sequence[Tensor], activate: nn.Module) -> None:
        super().__init__()
        self.features, self.activate = iter(features), activate

    def forward(self, _: Tensor) -> Tensor:
        output: Tensor = self.activate(next(self.features))
        return output


def align(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the student's map with the teacher's mean and deviation of each channel.

    Args:
        student: Map (N, C, H, W). Its values over N, H and W are standardised, in full precision.
        teacher: Map of the same shape. No gradient flows into it.
    """
    student, teacher = full_precision(student), full_precision(teacher.detach())
    with torch.autocast(student.device.type, enabled=False):
        own, theirs = (
            torch.std_mean(each, dim=(0, 2, 3), correction=0, keepdim=True)
            for each in (student, teacher)
        )
        return (student - own[1]) / (own[0] + EPS) * theirs[0] + theirs[1]


def _near(found: Tensor, expected: Tensor) -> bool:
    found, expected = found.float(), expected.float()
    deviation = (expected - expected.mean(dim=(0, 2, 3), keepdim=True)).norm()
    rounding = torch.finfo(torch.float32).eps * expected.norm()
    return bool((found - expected).norm() <= TOLERANCE * deviation + 8 * rounding)
