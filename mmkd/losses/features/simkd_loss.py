"""Loss on the map that the teacher's classifier reads (SimKD)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from mmkd.losses.base.classifier import MMPRETRAIN, Classifier, Paths, named_paths
from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.losses.base.feature_maps import same_size
from mmkd.losses.features.hint_loss import hint_distance
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher


@MODELS.register_module()
class SimKDLoss(FeatureLoss):
    """Mean squared difference of the maps before the classifier, at the size of the smaller map.

    Knowledge Distillation with the Reused Teacher Classifier (Chen et al., CVPR 2022). A projector,
    which is a part of the student (:class:`mmkd.models.SimKDNeck`), gives the student's map the
    teacher's channels. The student's classifier becomes a copy of the teacher's when the term is
    built, and is not trained, so that this is the only loss; ``configs/simkd`` has the whole
    recipe.

    Args:
        classifier: Path of the linear classifier: one path for both networks, or a dict with
            ``student`` and ``teacher``. By default the layer that gives the logits.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False

    def __init__(
        self,
        classifier: str | Paths | None = None,
        loss_weight: float = 1.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(loss_weight, reduction)
        self.paths = named_paths(classifier)

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Check the channels; the loss has nothing to train."""
        for own, other in zip(student_shapes, teacher_shapes, strict=True):
            if own[1] != other[1]:
                raise ValueError(
                    f"SimKDLoss compares what the teacher's classifier reads: the student's map "
                    f"has {own[1]} channels and the teacher's {other[1]}. Tap the student behind "
                    "its projector, mmkd.SimKDNeck, as in configs/simkd."
                )

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Paths = MMPRETRAIN
    ) -> None:
        """Copy the teacher's classifier into the student. A term calls this when it is built.

        Raises:
            ValueError: If the classifiers differ in shape, or if the student's classifier would be
                initialised again.
        """
        paths = {**classifiers, **self.paths}
        copy = Classifier(student, paths.get("student"))
        own, given = copy.layer, Classifier(teacher, paths.get("teacher")).layer
        if own.weight.shape != given.weight.shape or (own.bias is None) != (given.bias is None):
            raise ValueError(
                f"SimKDLoss gives the student the teacher's classifier, but that is {given} and "
                f"the student's is {own}: give the student's head the teacher's in_channels and "
                "num_classes."
            )
        head = student.get_submodule(copy.path.rpartition(".")[0])
        if getattr(head, "init_cfg", None) is not None:
            raise ValueError(
                "SimKDLoss gives the student the teacher's classifier, which the initialisation of "
                "the student's head would overwrite: give that head init_cfg=None."
            )
        own.load_state_dict(given.state_dict())
        own.requires_grad_(False)

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        return hint_distance(*same_size(student, teacher))
