"""Distillation of the logits of regions of an image (SDD)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from mmkd.arithmetic import reduce_loss
from mmkd.contracts import traits_of_loss
from mmkd.losses.base.classifier import MMPRETRAIN, Classifier, Paths, named_paths
from mmkd.losses.base.feature_loss import FeatureLoss, Features, in_pairs
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher

Config = dict[str, Any]
Shapes = Sequence[Sequence[int]]


@MODELS.register_module()
class SDDLoss(FeatureLoss):
    r"""Loss on logits that is applied to each region of the image.

    Scale Decoupled Distillation (Wei, Luo, Luo; CVPR 2024), as in the released code: the last map
    of each network is averaged over the cells of several grids, the classifier of the same network
    turns each average into logits, and ``loss`` compares the logits of a region like those of an
    image. The mean is over regions and samples. A region counts ``complementary`` times if the
    teacher is right in it and wrong on the whole image, or wrong in it and right on the whole
    image.

    Args:
        loss: Config of a loss on logits that has values of single samples, such as
            :class:`mmkd.losses.KDLoss` (SD-KD), :class:`mmkd.losses.DKDLoss` (SD-DKD) or
            :class:`mmkd.losses.NKDLoss` (SD-NKD).
        grids: Number of cells along each side of each grid. The first is 1, the whole image.
        complementary: Weight of regions in which the teacher is right although it is wrong on the
            whole image, or the reverse.
        region_weight: Config of a sample weight, computed from the logits of each region. With
            :class:`mmkd.weights.EntropyWeight` it is the weight of ER-KD, from the teacher's
            entropy in the region. A term's ``sample_weight`` weighs whole images.
        classifier: Path of the linear classifier: one path for both networks, or a dict with
            ``student`` and ``teacher``. By default the layer that gives the logits.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    needs_labels = True

    def __init__(
        self,
        loss: Config | nn.Module,
        grids: Sequence[int] = (1, 2, 4),
        complementary: float = 2.0,
        region_weight: Config | None = None,
        classifier: str | Paths | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if not grids or grids[0] != 1 or min(grids) < 1:
            raise ValueError(
                f"grids are numbers of cells along a side, the first of them 1, not {grids}."
            )
        self.loss = MODELS.build(loss) if isinstance(loss, dict) else loss
        if traits_of_loss(self.loss).relational:
            raise ValueError(
                f"SDDLoss weighs the regions' losses, and {type(self.loss).__name__} has none of "
                "single samples: take one that has, such as mmkd.KDLoss."
            )
        self.region_weight = None if region_weight is None else MODELS.build(region_weight)
        self.grids, self.complementary = tuple(grids), complementary
        self.paths, self.classifiers = named_paths(classifier), dict[str, Classifier]()

    def adapt(self, student_shapes: Shapes, teacher_shapes: Shapes) -> None:
        """Check the shapes; the loss has nothing to train."""
        for side, shapes in dict(student=student_shapes, teacher=teacher_shapes).items():
            if len(shapes) != 1 or len(shapes[0]) != 4:
                raise ValueError(
                    "SDDLoss compares one map (N, C, H, W) of each network, the one that its "
                    f"classifier's pooling reads; the {side}'s taps have shapes {[*shapes]}."
                )

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Paths = MMPRETRAIN
    ) -> None:
        """Take the classifiers of the networks. A term calls it when it is built."""
        paths = {**classifiers, **self.paths}
        self.classifiers = dict(
            student=Classifier(student, paths.get("student")),
            teacher=Classifier(teacher, paths.get("teacher")),
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
            student_features: The student's map, shape (N, C, H, W).
            teacher_features: The teacher's map. No gradient flows into it.
            weight: Sample weight, shape (N,).
            avg_factor: Divisor of a mean in place of N.
            reduction_override: Used in place of ``reduction``.
            labels: Class indices, shape (N,).
        """
        if not self.classifiers or labels is None:
            raise ValueError(
                "SDDLoss needs the labels of the batch and both networks' classifiers: a term of a "
                "distiller gives it them, or call its attach(student, teacher)."
            )
        [(student, teacher)] = in_pairs(student_features, teacher_features)
        with torch.autocast(student.device.type, enabled=False):
            own = self.regions(student, self.classifiers["student"])
            theirs = self.regions(teacher, self.classifiers["teacher"]).detach()
            loss = self.between(own, theirs, labels)
        return reduce_loss(
            loss, weight, reduction_override or self.reduction, avg_factor, self.loss_weight
        )

    def regions(self, maps: Tensor, classifier: Classifier) -> Tensor:
        """Return the logits of each region of maps (N, C, H, W), shape (R, N, K), R regions."""
        cells = [adaptive_avg_pool2d(maps, grid).flatten(2) for grid in self.grids]
        return classifier(torch.cat(cells, dim=2).permute(2, 0, 1))

    def between(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each sample, shape (N,), from the logits of regions, (R, N, K)."""
        regions, samples = student.shape[:2]
        right = teacher.argmax(-1) == labels
        weight = 1 + (self.complementary - 1) * (right != right[:1]).to(student)
        flat = student.flatten(0, 1), teacher.flatten(0, 1)
        if self.region_weight is not None:
            weight = weight * self.region_weight(*flat).unflatten(0, (regions, samples))
        each = self.loss(*flat, labels=labels.repeat(regions), reduction_override="none")
        weighed: Tensor = weight * each.unflatten(0, (regions, samples))
        return weighed.mean(0)
