"""Loss of exits at the student's stages that learn the teacher's logits (OFA-KD)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.arithmetic import reduce_loss
from mmkd.losses.base.feature_loss import FeatureLoss, Features, as_list
from mmkd.losses.logits.ofa_loss import enhanced_cross_entropy
from mmkd.registry import MODELS

Shapes = Sequence[Sequence[int]]


def _halve(channels: int, outputs: int) -> list[nn.Module]:
    """Return two depthwise separable convolutions, the first one with stride 2."""
    layers: list[nn.Module] = []
    for stride, width in ((2, channels), (1, outputs)):
        layers += [
            nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        ]
    return layers


def stage_exit(channels: int, halvings: int, width: int, classes: int) -> nn.Sequential:
    """Return a module that turns a stage's map (N, C, H, W) into logits (N, classes).

    Args:
        channels: Number of channels C.
        halvings: Number of blocks; each one halves the resolution and doubles the channels, and the
            last one gives ``width`` channels. With 0 a 1x1 convolution gives them.
        width: Number of channels that the linear layer reads.
        classes: Number of classes.
    """
    layers: list[nn.Module] = []
    for left in reversed(range(halvings)):
        outputs = 2 * channels if left else width
        layers += _halve(channels, outputs)
        channels = outputs
    layers += [] if halvings else [nn.Conv2d(channels, width, 1)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


@MODELS.register_module()
class OFAStageLoss(FeatureLoss):
    r"""Enhanced cross-entropy between exits at the student's stages and the teacher's logits.

    One-for-All: Bridge the Gap Between Heterogeneous Architectures in Knowledge Distillation (Hao
    et al., NeurIPS 2023). Each stage of the student has an exit that gives logits, and each exit
    learns the teacher's logits as :class:`mmkd.losses.OFALoss` does: logits can be compared where
    the features of a convolutional network and of a transformer cannot. The exits consist of
    convolutions, as in the released code for convolutional students. The exits of that code for
    transformers are not implemented: a student's features have to be maps. The loss is the sum over
    the stages.

    A term taps ``student='@stages'`` and ``teacher='@logits'``.

    Args:
        gamma: As in :class:`mmkd.losses.OFALoss`.
        temperature: Temperature of both sides.
        width: Number of channels that the linear layers of the exits read; by default the channels
            of the student's last stage. The released code takes the channels of the teacher's last
            stage if they are more.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    needs_labels = True

    def __init__(
        self,
        gamma: float = 1.0,
        temperature: float = 1.0,
        width: int | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if gamma <= 0 or temperature <= 0:
            raise ValueError(
                f"gamma and temperature must be positive, not {gamma} and {temperature}."
            )
        self.gamma, self.temperature, self.width = gamma, temperature, width
        self.exits = nn.ModuleList()

    def adapt(self, student_shapes: Shapes, teacher_shapes: Shapes) -> None:
        """Build the exits of stages (N, C, H, W), for the teacher's logits (N, K)."""
        if len(teacher_shapes) != 1 or len(teacher_shapes[0]) != 2:
            raise ValueError(
                "OFAStageLoss compares the student's stages with the teacher's logits (N, K): give "
                "the term teacher='@logits'; its taps have shapes "
                f"{[tuple(shape) for shape in teacher_shapes]}."
            )
        for shape in student_shapes:
            if len(shape) != 4:
                raise ValueError(
                    "OFAStageLoss reads maps (N, C, H, W) of the student, not features of shape "
                    f"{tuple(shape)}: tap its stages, student='@stages'."
                )
        last, classes = len(student_shapes) - 1, teacher_shapes[0][1]
        width = self.width or student_shapes[-1][1]
        self.exits = nn.ModuleList(
            stage_exit(shape[1], last - stage, width, classes)
            for stage, shape in enumerate(student_shapes)
        )

    def forward(
        self,
        student_features: Features,
        teacher_features: Features,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss.

        Args:
            student_features: The student's maps, shape (N, C, H, W) each.
            teacher_features: The teacher's logits, shape (N, K). No gradient flows into them.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
            labels: Class indices, shape (N,).
        """
        students, [teacher] = as_list(student_features), as_list(teacher_features)
        if len(students) != len(self.exits) or labels is None:
            raise ValueError(
                f"OFAStageLoss has exits of {len(self.exits)} stages and got {len(students)}, or "
                "there are no labels: call its adapt(student_shapes, teacher_shapes) first, and "
                "train without batch augmentations that leave only soft labels."
            )
        with torch.autocast(teacher.device.type, enabled=False):
            theirs = (teacher.detach() / self.temperature).log_softmax(-1)
            logits = [leave(map_) for leave, map_ in zip(self.exits, students, strict=True)]
            sides = [(each / self.temperature).log_softmax(-1) for each in logits]
            losses = [enhanced_cross_entropy(own, theirs, labels, self.gamma) for own in sides]
            loss = torch.stack(losses).sum(0)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )
