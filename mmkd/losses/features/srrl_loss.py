"""Loss on the student's feature as the teacher's classifier reads it (SRRL)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from mmkd.losses.base.classifier import MMPRETRAIN, Classifier, Paths, named_paths
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import pooled
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher


@MODELS.register_module()
class SRRLLoss(FeatureLoss):
    r"""Squared differences of pooled features and of the teacher's classifier outputs on them.

    Knowledge Distillation via Softmax Regression Representation Learning (Yang et al., ICLR 2021):
    :math:`MSE(h_s, h_t) + \beta\,MSE(W_t h_s + b_t, W_t h_t + b_t)` with the pooled features h and
    the frozen classifier of the teacher. The student's feature passes a connector (1x1 convolution,
    batch norm, ReLU) first. Maps are averaged over their positions, as pooling does.

    Args:
        regression_weight: :math:`\beta`.
        classifier: Path of the teacher's linear classifier, by default the layer that gives its
            logits.
        loss_weight: Factor on the result; the released code takes 1.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(
        self,
        regression_weight: float = 1.0,
        classifier: str | Paths | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        self.regression_weight, self.paths = regression_weight, named_paths(classifier)
        self.classifier: Classifier | None = None

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Keep the shapes, which :meth:`attach` checks; the loss has nothing to train."""
        self._channels = [shape[1] for shape in teacher_shapes]

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Paths = MMPRETRAIN
    ) -> None:
        """Take the teacher's classifier. A term calls it when it is built."""
        self.classifier = Classifier(teacher, {**classifiers, **self.paths}.get("teacher"))
        inputs = self.classifier.layer.in_features
        if self._channels != [inputs]:
            raise ValueError(
                f"The teacher's classifier {self.classifier.path!r} reads {inputs} features, and "
                f"SRRLLoss taps {self._channels} of the teacher: tap its last map or what is "
                "pooled."
            )

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        if self.classifier is None:
            raise ValueError(
                "SRRLLoss reads the teacher's classifier: a term of a distiller gives it that, or "
                "call its adapt(...) and attach(student, teacher)."
            )
        own, theirs = pooled(student), pooled(teacher)
        regression = hint_distance(self.classifier(own), self.classifier(theirs))
        return hint_distance(own, theirs) + self.regression_weight * regression
