"""Relational knowledge distillation: distances and angles between samples (RKD)."""

from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from mmkd.losses.base.relational_feature_loss import RelationalFeatureLoss, unit_length
from mmkd.registry import MODELS


def relative_distances(vectors: Tensor) -> Tensor:
    """Return the distances of all pairs divided by the mean of the positive ones, shape (N, N).

    Args:
        vectors: Shape (N, D).
    """
    distances: Tensor = (vectors[:, None] - vectors[None]).norm(dim=-1)
    apart = distances > 0
    mean = distances.sum() / apart.sum().clamp(min=1)
    return distances / mean.masked_fill(mean == 0, 1.0)


def angles(vectors: Tensor) -> Tensor:
    """Return the cosines of the angles in all triangles of samples, shape (N, N, N).

    Args:
        vectors: Shape (N, D). Entry (i, j, k) of the result belongs to the angle at sample i
            between j and k.
    """
    sides = unit_length(vectors[None] - vectors[:, None])
    return sides @ sides.transpose(1, 2)


@MODELS.register_module()
class RKDLoss(RelationalFeatureLoss):
    """Smooth L1 differences of the distances and of the angles between samples.

    Relational Knowledge Distillation (Park, Kim, Lu, Cho; CVPR 2019). It is applied to the features
    before the classifier. Time and memory of the angles grow with the third power of the batch
    size.

    Args:
        distance_weight: Weight of the differences of distances.
        angle_weight: Weight of the differences of angles.
        loss_weight: Factor on the result.
    """

    def __init__(
        self, distance_weight: float = 25.0, angle_weight: float = 50.0, loss_weight: float = 1.0
    ) -> None:
        super().__init__(loss_weight)
        self.distance_weight, self.angle_weight = distance_weight, angle_weight

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        distance = smooth_l1_loss(relative_distances(student), relative_distances(teacher))
        angle = smooth_l1_loss(angles(student), angles(teacher))
        return self.distance_weight * distance + self.angle_weight * angle
