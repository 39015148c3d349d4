"""Distillation by correlation within samples and within classes (DIST)."""

from typing import Any

import torch
from torch import Tensor

from mmkd.losses.base.logit_loss import Tempered
from mmkd.losses.base.partly_relational_loss import PartlyRelationalLogitLoss
from mmkd.registry import MODELS


def correlation(first: Tensor, second: Tensor, dim: int, eps: float = 0.0) -> Tensor:
    """Return Pearson's correlation along ``dim``; the result has no such dimension.

    If either side is constant, up to rounding, the correlation is undefined: the result is 0, with
    a gradient that is finite and no larger than the gradients nearby.

    Args:
        first: Values of any shape.
        second: Values of the same shape.
        dim: Dimension along which the correlation is computed.
        eps: Number added to the product of the two lengths that divides the inner product.
    """
    (first, length), (second, other) = _centred(first, dim), _centred(second, dim)
    return (first * second).sum(dim) / (length * other + eps)


def _centred(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return centred values, and their length along ``dim``, with 1 in place of 0."""
    centred = values - values.mean(dim, keepdim=True)
    square = centred.square().sum(dim)
    rounding = 4 * torch.finfo(values.dtype).eps
    constant = square <= rounding**2 * values.square().sum(dim)
    # The 0 is replaced before the root, because the derivative of the root at 0 is infinite.
    return centred, square.masked_fill(constant, 1.0).sqrt()


@MODELS.register_module()
class DISTLoss(PartlyRelationalLogitLoss):
    r"""One minus Pearson's correlation between and within classes, times the squared temperature.

    Knowledge Distillation from A Stronger Teacher (Huang et al., NeurIPS 2022): :math:`\beta(1 -
    \bar\rho_{rows}) + \gamma(1 - \bar\rho_{columns})` of the tempered probabilities (N, C).
    ``beta`` weighs the relations of the classes within each sample, ``gamma`` the relations of the
    samples within each class. A sample weight multiplies the part of ``beta``, which is a mean over
    samples; the part of ``gamma`` has no loss of a single sample.

    Args:
        beta: Weight of the correlation of each sample's probabilities (inter-class).
        gamma: Weight of the correlation of each class's probabilities over the batch (intra-class).
        temperature: As in :class:`PartlyRelationalLogitLoss`.
        eps: Number added to the denominator of each correlation, as in the authors' code.
        released_code: Multiply both parts by the batch's mean of a sample weight, as the released
            code of ER-DIST does: its products of (N,) or (C,) losses and (N, 1) entropies
            broadcast, and the mean of such a product is the product of the means.
        **arguments: Arguments of :class:`LogitLoss`.
    """

    def __init__(
        self,
        beta: float = 1.0,
        gamma: float = 1.0,
        temperature: Any = 4.0,
        eps: float = 1e-8,
        released_code: bool = False,
        **arguments: Any,
    ) -> None:
        super().__init__(temperature, **arguments)
        self.beta, self.gamma, self.eps = beta, gamma, eps
        self.released_code = released_code

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        labels: Tensor | None = None,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Compute the loss. The arguments are those of :class:`PartlyRelationalLogitLoss`."""
        given = student_logits, teacher_logits, labels
        if weight is None or not self.released_code:
            return super().forward(*given, weight, avg_factor, reduction_override)
        return weight.mean() * super().forward(*given, None, avg_factor, reduction_override)

    def parts(
        self, student: Tensor, teacher: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the loss between each sample's classes, (N,), and that within classes, 0-dim."""
        pair = self.transformed(student, teacher, labels)
        tempered = self.tempered(*pair, self.temperature, labels)
        temperature = tempered.temperature
        if isinstance(temperature, Tensor):
            temperature = temperature.reshape(())
        inter = self.divergence(tempered._replace(temperature=temperature))
        if not len(inter):
            return inter, inter.sum()
        columns = correlation(tempered.student.exp(), tempered.teacher.exp(), dim=0, eps=self.eps)
        return inter, self.gamma * temperature**2 * (1 - columns).mean()

    def divergence(self, pair: Tempered) -> Tensor:
        rows = correlation(pair.student.exp(), pair.teacher.exp(), dim=1, eps=self.eps)
        return self.beta * pair.temperature**2 * (1 - rows)
