"""Transfer of class attention (CAT-KD)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, normalize

from mmkd.losses.base.classifier import MMPRETRAIN, Classifier, Paths, named_paths
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher


@MODELS.register_module()
class CATKDLoss(FeatureLoss):
    r"""Mean squared difference of the class activation maps of student and teacher.

    Class Attention Transfer Based Knowledge Distillation (Guo et al., CVPR 2023). The map of class
    k is :math:`\sum_c w_{k,c} F_c`, with the weights (not the bias) of the linear classifier that
    reads the pooled last map F. Maps are averaged to ``resolution`` x ``resolution`` and each one
    is scaled to unit length. The student's weights learn from this loss too: in the paper the
    classifier is a convolution of the map. The released networks have classifiers without a bias;
    here a network keeps its bias, and the class maps leave it out.

    The term taps the maps before the pooling. The channels of student and teacher may differ; the
    classes must not.

    Args:
        resolution: Height and width at which maps are compared.
        normalize: Whether maps are scaled to unit length. The released configs for a teacher and a
            student of the same architecture family do not scale them.
        classifier: Path of the linear classifier: one path for both networks, or a dict with
            ``student`` and ``teacher``. By default the layer that gives the logits.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False

    def __init__(
        self,
        resolution: int = 2,
        normalize: bool = True,
        classifier: str | Paths | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        if resolution < 1:
            raise ValueError(f"The resolution must be 1 or more, not {resolution}.")
        self.resolution, self.normalize = resolution, normalize
        self.paths, self.classifiers = named_paths(classifier), dict[str, Classifier]()

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Keep the shapes, which :meth:`attach` checks; the loss has nothing to train."""
        self._shapes = dict(student=student_shapes, teacher=teacher_shapes)
        for side, shapes in self._shapes.items():
            if len(shapes) != 1 or len(shapes[0]) != 4:
                raise ValueError(
                    "CATKDLoss compares one map (N, C, H, W) of each network, the one that its "
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
        for side, classifier in self.classifiers.items():
            [shape], inputs = self._shapes[side], classifier.layer.in_features
            if shape[1] != inputs:
                raise ValueError(
                    f"CATKDLoss taps a map of the {side} with {shape[1]} channels, and its "
                    f"classifier {classifier.path!r} reads {inputs}: tap what the pooling reads."
                )
        own, theirs = (classifier.layer.out_features for classifier in self.classifiers.values())
        if own != theirs:
            raise ValueError(
                f"CATKDLoss compares class by class: the student has {own} classes and the teacher "
                f"has {theirs}."
            )

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        if not self.classifiers:
            raise ValueError(
                "CATKDLoss reads the classifiers of both networks: a term of a distiller gives it "
                "them, or call its adapt(...) and attach(student, teacher)."
            )
        own = self.class_maps(student, self.classifiers["student"].weight)
        theirs = self.class_maps(teacher, self.classifiers["teacher"].weight.detach())
        return (own - theirs).square().flatten(1).mean(1)

    def class_maps(self, maps: Tensor, weights: Tensor) -> Tensor:
        """Return the class activation maps, (N, K, R, R), of maps (N, C, H, W) and weights (K, C).

        The map is pooled before the weights are applied: the weights are the same at each position,
        so the order does not change the result and saves work.
        """
        small = adaptive_avg_pool2d(maps, self.resolution)
        attention = torch.einsum("nchw,kc->nkhw", small, weights.to(small))
        return normalize(attention.flatten(2), dim=2) if self.normalize else attention.flatten(2)
