"""Loss on the overlap of the student's and the teacher's boxes at the same locations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.networks.heads import enclosing
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher

# Supported box coders of mmdet, with the prior from which the loss decodes both boxes. The overlap
# does not depend on the prior.
PRIORS = {
    "DeltaXYWHBBoxCoder": (-16.0, -16.0, 16.0, 16.0),
    "DistancePointBBoxCoder": (0.0, 0.0),
}


@MODELS.register_module()
class BoxIoULoss(FeatureLoss):
    """1 minus the generalised IoU of the boxes that the deltas of student and teacher encode.

    CrossKD (Wang et al., CVPR 2024) compares the boxes of RetinaNet, ATSS and FCOS like this;
    Generalized Intersection over Union (Rezatofighi et al., CVPR 2019). Both boxes of a place are
    decoded from the same prior, by the head's ``bbox_coder``. The position and the size of this
    prior move and scale both boxes alike and do not change their overlap, so that a fixed prior is
    used.

    Args:
        head: Path of the head whose ``bbox_coder`` decodes the boxes.
        loss_weight: Factor on the result.
        reduction: As in :class:`FeatureLoss`.
    """

    same_shape = False
    compares_deltas = True

    def __init__(
        self, head: str = "bbox_head", loss_weight: float = 1.0, reduction: str = "mean"
    ) -> None:
        super().__init__(loss_weight, reduction)
        self.head = head
        self.coder: Any = None

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Check that both inputs are boxes at places, (R, 4)."""
        for shape in (*student_shapes, *teacher_shapes):
            if len(shape) != 2 or shape[1] != 4:
                raise ValueError(
                    f"BoxIoULoss compares the 4 deltas of boxes at places (R, 4), not "
                    f"{tuple(shape)}: tap the boxes of a dense head, such as 'bbox_head[1][:]', "
                    "with locations=dict(type='mmkd.DenseLocations'). For heads that give "
                    "distributions, as GFL's, take mmkd.LDLoss."
                )

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Mapping[str, str] | None = None
    ) -> None:
        """Take the coder of the teacher's head. A term calls this when it is built.

        Raises:
            ValueError: If boxes cannot be decoded without their priors.
        """
        found = enclosing(teacher.network, self.head, "bbox_coder")
        coder = None if found is None else found[1].bbox_coder
        kind = type(coder).__name__
        if kind not in PRIORS or getattr(coder, "add_ctr_clamp", False):
            raise ValueError(
                f"BoxIoULoss decodes the deltas of {' and '.join(PRIORS)}, whose overlaps do not "
                f"depend on the priors, and '{self.head}' of the teacher has "
                f"{'none' if coder is None else kind}. Compare features, or the classes alone."
            )
        self.coder = coder

    def distance(self, student: Tensor, teacher: Tensor) -> Tensor:
        if self.coder is None:
            raise ValueError(
                "BoxIoULoss has no coder of boxes yet. A term of a distiller gives it the "
                "teacher's; elsewhere call its attach(student, teacher)."
            )
        from mmdet.structures.bbox import bbox_overlaps, get_box_tensor

        prior = student.new_tensor(PRIORS[type(self.coder).__name__]).expand(len(student), -1)
        own, theirs = (get_box_tensor(self.coder.decode(prior, d)) for d in (student, teacher))
        overlaps: Tensor = bbox_overlaps(own, theirs, mode="giou", is_aligned=True)
        return 1 - overlaps
