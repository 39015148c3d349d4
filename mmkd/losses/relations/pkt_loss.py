"""Probabilistic knowledge transfer (PKT)."""

from torch import Tensor

from mmkd.losses.base.relational_feature_loss import RelationalFeatureLoss, unit_length
from mmkd.registry import MODELS


@MODELS.register_module()
class PKTLoss(RelationalFeatureLoss):
    r"""KL divergence between the probabilities that samples are neighbours of each other.

    Learning Deep Representations with Probabilistic Knowledge Transfer (Passalis and Tefas, ECCV
    2018), with the cosine kernel: :math:`(1 + \cos) / 2` of all pairs, each row divided by its sum.
    As in the released code the loss is a mean over the entries of the N x N matrix. The
    literature's CIFAR-100 recipe applies it to the features before the classifier with
    ``loss_weight=30000``.

    Args:
        eps: Number added to the lengths of vectors and to both probabilities inside the logarithm.
        loss_weight: Factor on the result.
    """

    def __init__(self, eps: float = 1e-7, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.eps = eps

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        own, theirs = self._neighbours(student), self._neighbours(teacher)
        return (theirs * ((theirs + self.eps) / (own + self.eps)).log()).mean()

    def _neighbours(self, vectors: Tensor) -> Tensor:
        """Return the probability of each sample as a neighbour of each other one, (N, N)."""
        unit = unit_length(vectors, self.eps)
        similarity = (unit @ unit.T + 1) / 2
        return similarity / similarity.sum(1, keepdim=True)
