"""Correlation congruence (CC), in the paper's form and in that of RepDistiller."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.losses.base.feature_maps import pooled
from mmkd.losses.base.relational_feature_loss import RelationalFeatureLoss, unit_length
from mmkd.registry import MODELS


@MODELS.register_module()
class CCLoss(RelationalFeatureLoss):
    r"""Mean squared difference of the correlations between the samples of a batch.

    Correlation Congruence for Knowledge Distillation (Peng et al., ICCV 2019), with the Gaussian
    kernel on features of unit length, expanded in powers of their cosine: :math:`k(x, y) =
    e^{-2\gamma} \sum_{p=0}^{P} \frac{(2\gamma)^p}{p!} (x^T y)^p`. The loss is the mean of the N x N
    squared differences of k. The features of student and teacher may differ in length. The entries
    named CC in the CIFAR-100 tables are :class:`AdjacentCCLoss`.

    Args:
        gamma: :math:`\gamma`.
        order: :math:`P`, the highest power.
        loss_weight: Factor on the result.
    """

    def __init__(self, gamma: float = 0.4, order: int = 2, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if gamma <= 0 or order < 1:
            raise ValueError(f"CCLoss needs gamma > 0 and an order from 1: {gamma}, {order}.")
        self.gamma, self.order = gamma, order

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (self._kernel(student) - self._kernel(teacher)).square().mean()

    def _kernel(self, vectors: Tensor) -> Tensor:
        unit = unit_length(vectors)
        cosines = unit @ unit.T
        power, kernel = torch.ones_like(cosines), torch.ones_like(cosines)
        for p in range(1, self.order + 1):
            power = power * cosines
            kernel = kernel + (2 * self.gamma) ** p / math.factorial(p) * power
        return math.exp(-2 * self.gamma) * kernel


@MODELS.register_module()
class AdjacentCCLoss(RelationalFeatureLoss):
    r"""Products of the student-teacher differences of neighbours in a batch: RepDistiller's CC.

    With :math:`\delta_n = |E_s f_{s,n} - E_t f_{t,n}|` for two trained linear embeddings the loss
    is the mean over n of :math:`\delta_n^T \delta_{n+1}`. This is RepDistiller's code for
    Correlation Congruence, from which its own and later CIFAR-100 tables were made; :class:`CCLoss`
    has the paper's kernel. The teacher's embedding is trained as well, as in that code. Maps are
    averaged over their positions. The loss of a batch of one sample is 0.

    Args:
        dim: Length of the embeddings.
        loss_weight: Factor on the result; RepDistiller takes 0.02.
    """

    def __init__(self, dim: int = 128, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.dim = dim
        self.embeddings = nn.ModuleList()

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Build the embeddings for each pair of features of these shapes, (N, C, ...)."""
        self.embeddings = nn.ModuleList(
            nn.ModuleDict(
                dict(student=nn.Linear(own[1], self.dim), teacher=nn.Linear(other[1], self.dim))
            )
            for own, other in zip(student_shapes, teacher_shapes, strict=True)
        )

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        if len(self.embeddings) != len(pairs):
            raise ValueError(
                f"AdjacentCCLoss has embeddings for {len(self.embeddings)} pairs of features and "
                f"got {len(pairs)}: call its adapt(student_shapes, teacher_shapes) first."
            )
        embedded = []
        for embed, (student, teacher) in zip(self.embeddings, pairs, strict=True):
            assert isinstance(embed, nn.ModuleDict)
            embedded.append((embed["student"](pooled(student)), embed["teacher"](pooled(teacher))))
        return super().total(embedded)

    def relation(self, student: Tensor, teacher: Tensor) -> Tensor:
        difference = (student - teacher).abs()
        products = (difference[:-1] * difference[1:]).sum(1)
        return products.sum() / max(len(products), 1)
