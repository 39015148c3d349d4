"""Distillation by the Wasserstein distance between predictions (WKD-L)."""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import torch
from mmengine.fileio import get
from torch import Tensor, nn
from torch.nn.functional import normalize

from mmkd.losses.base.classifier import MMPRETRAIN, Classifier, Paths, named_paths
from mmkd.losses.base.logit_loss import LogitLoss, Tempered
from mmkd.registry import MODELS

if TYPE_CHECKING:
    from mmkd.teachers import Teacher

EPS = 1e-8
FROM_CLASSIFIER = "classifier"


def transport_cost(
    student: Tensor, teacher: Tensor, cost: Tensor, start: Tensor, epsilon: float, iterations: int
) -> Tensor:
    """Return the cost of moving one distribution to the other, (N,), by Sinkhorn's iterations.

    Classes in which both distributions and ``start`` are 0 take no part, so that one matrix of
    costs serves all samples, whatever their classes.

    Args:
        student: Probabilities, shape (N, C).
        teacher: Probabilities, shape (N, C).
        cost: Cost of moving from class to class, shape (C, C).
        start: The student's scaling before the first iteration, shape (N, C).
        epsilon: Weight of the entropy of the plan.
        iterations: Number of iterations, all of which pass a gradient on.
    """
    kernel, rows = (-cost / epsilon).exp(), start
    for _ in range(iterations):
        columns = teacher / (rows @ kernel + EPS)
        rows = student / (columns @ kernel.T + EPS)
    return ((rows @ (kernel * cost)) * columns).sum(-1)


@MODELS.register_module()
class WKDLoss(LogitLoss):
    r"""Entropic Wasserstein distance between the predictions over the classes except the true one.

    Wasserstein Distance Rivals Kullback-Leibler Divergence for Knowledge Distillation (Lv, Yang,
    Li; NeurIPS 2024). This is the distance of WKD-L as in the released code: it uses the
    distributions over the other classes at temperature T, the cost :math:`1 - e^{-\kappa d_{ij}}`
    of moving from class i to class j, and Sinkhorn's iterations. A mistake costs less if the
    classes are alike. There is no factor of the squared temperature. WKD-L has a second term beside
    it, :class:`NKDLoss` with ``gamma=0``, for the true class.

    The released code masks a matrix of costs for each sample, N (C - 1) (C - 1) numbers; here all
    samples share the one matrix, with the same result.

    Args:
        cost: Source of the distances d of the classes: ``'classifier'``, one minus the cosines of
            the teacher's classifier weights; or a file that holds a tensor (C, C), such as the
            released files, whose distances are one minus the centred kernel alignment of the
            classes' features.
        kappa: :math:`\kappa`; with 0 the cost is d itself.
        epsilon: Weight of the entropy of the transport plan.
        iterations: Number of iterations of Sinkhorn's algorithm.
        classifier: Path of the teacher's linear classifier, by default the layer that gives its
            logits.
        temperature: As in :class:`LogitLoss`.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    needs_labels = True
    costs: Tensor

    def __init__(
        self,
        cost: str = FROM_CLASSIFIER,
        kappa: float = 1.0,
        epsilon: float = 0.05,
        iterations: int = 10,
        classifier: str | Paths | None = None,
        temperature: Any = 8.0,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        if kappa < 0 or epsilon <= 0 or iterations < 1:
            raise ValueError(
                "WKDLoss needs kappa from 0, a positive epsilon and an iteration or more, not "
                f"{kappa}, {epsilon} and {iterations}."
            )
        self.kappa, self.epsilon, self.iterations = kappa, epsilon, iterations
        self.paths, self.reads_teacher = named_paths(classifier), cost == FROM_CLASSIFIER
        self.register_buffer("costs", torch.zeros(0, 0), persistent=False)
        if not self.reads_teacher:
            self.know_distances(torch.load(BytesIO(get(cost)), "cpu", weights_only=True))

    def attach(
        self, student: nn.Module, teacher: "Teacher", classifiers: Paths = MMPRETRAIN
    ) -> None:
        """Compute the distances of the classes, unless a file gave them. A term calls this."""
        if self.reads_teacher:
            classifier = Classifier(teacher, {**classifiers, **self.paths}.get("teacher"))
            weights = normalize(classifier.weight.detach(), dim=1)
            self.know_distances(1 - weights @ weights.T)

    def know_distances(self, distances: Tensor) -> None:
        """Set the distances of the classes, (C, C), and compute the costs from them."""
        if distances.dim() != 2 or distances.shape[0] != distances.shape[1]:
            raise ValueError(
                f"The distances of classes have shape {tuple(distances.shape)}, not (C, C)."
            )
        sharp = -torch.expm1(-self.kappa * distances) if self.kappa else distances
        self.costs = sharp.relu().to(self.costs.device) + EPS

    def divergence(self, pair: Tempered) -> Tensor:
        assert pair.labels is not None
        classes = pair.student.shape[1]
        if self.costs.shape[0] != classes:
            raise ValueError(
                f"WKDLoss has costs of {len(self.costs)} classes and got logits of {classes}: a "
                "term of a distiller gives it the teacher's classifier, or name a file as `cost`."
            )
        true = torch.zeros_like(pair.student, dtype=torch.bool).scatter_(
            1, pair.labels[:, None], True
        )
        # The true class gets the probability 0. The masking value is finite, so that no gradient is
        # NaN.
        lowest = torch.finfo(pair.student.dtype).min / 4
        own, theirs = (side.masked_fill(true, lowest).softmax(-1) for side in pair[:2])
        start = (~true).to(own) / (classes - 1)
        costs = self.costs.to(own)
        return transport_cost(own, theirs, costs, start, self.epsilon, self.iterations)
