"""The map that the teacher's classifier reads, learned by the student (SimKD)."""

from collections.abc import Sequence

from torch import Tensor

from mmkd.losses.feature_loss import FeatureLoss
from mmkd.losses.feature_maps import same_size
from mmkd.losses.hint_loss import hint_distance
from mmkd.registry import MODELS


@MODELS.register_module()
class SimKDLoss(FeatureLoss):
    """Mean squared difference of the maps before the classifier, at the smaller one's size.

    Knowledge Distillation with the Reused Teacher Classifier (Chen et al., CVPR 2022): the
    student's map has passed a projector, which is a part of the student
    (:class:`mmkd.models.SimKDNeck`), and has the teacher's channels. The student's classifier is a
    frozen copy of the teacher's, so that this is the only loss; ``configs/simkd`` has the whole.
    """

    same_shape = False

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Check the channels; there is nothing to train."""
        for own, other in zip(student_shapes, teacher_shapes, strict=True):
            if own[1] != other[1]:
                raise ValueError(
                    f"SimKDLoss compares what the teacher's classifier reads: the student's map "
                    f"has {own[1]} channels and the teacher's {other[1]}. Tap the student behind "
                    "its projector, mmkd.SimKDNeck, as in configs/simkd."
                )

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        return hint_distance(*same_size(student, teacher))
