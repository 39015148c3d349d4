"""Distillation of the singular vectors of feature maps (KDSVD)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mmkd.losses.base.feature_loss import FeatureLoss
from mmkd.registry import MODELS

# Number of student vectors that are candidates for each of the teacher's vectors, besides the one
# of its rank.
MORE = 3
# Relative gap of squared singular values below which vectors count as exchangeable.
GAP = 1e-5


class _RightSingularVectors(torch.autograd.Function):
    """The first right singular vectors of matrices, with a gradient that is always finite.

    The gradient of a singular vector divides by the gaps between squared singular values, which are
    0 in maps of rank 0 or 1, such as those of dead channels: there PyTorch's is NaN. Here gaps g
    are inverted as g / (g^2 + eps^2), with eps relative to the largest squared value.
    """

    @staticmethod
    def forward(ctx: Any, matrices: Tensor, count: int) -> tuple[Tensor, Tensor]:
        _, values, vectors = torch.linalg.svd(matrices, full_matrices=False)
        ctx.save_for_backward(matrices, values, vectors)
        values, first = values[:, :count], vectors[:, :count].mT.contiguous()
        ctx.mark_non_differentiable(values)
        return first, values

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        matrices, values, rows = ctx.saved_tensors
        gradient: Tensor = gradients[0]  # (N, C, k); the singular values get no gradient
        count, squares = gradient.shape[2], values.square()
        eps = GAP * squares[:, :1, None].clamp(min=torch.finfo(squares.dtype).tiny ** 0.25)
        first = squares[:, None, :count]
        # (N, r, k): gap of vector i to the j-th of the first vectors
        gaps = first - squares[:, :, None]
        inside = rows @ gradient  # v_i . g_j
        # outside of all vectors, where squared singular values are 0
        outside = gradient - rows.mT @ inside
        moved = rows.mT @ (inside * gaps / (gaps.square() + eps.square()))
        moved = moved + outside * first / (first.square() + eps.square())
        of_gram = moved @ rows[:, :count]  # gradient on the matrix X^T X
        return matrices @ (of_gram + of_gram.mT), None


def singular_vectors(maps: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the first right singular vectors of each map as a matrix positions x channels.

    Args:
        maps: Shape (N, C, H, W).
        count: Number of vectors; a map with fewer channels or positions has fewer.

    Returns:
        Vectors over channels, (N, C, count), and singular values, (N, count). A vector's sign,
        which is arbitrary, is chosen so that its components add up to a positive number.
    """
    matrices = maps.flatten(2).mT
    vectors, values = _RightSingularVectors.apply(matrices, count)  # type: ignore[no-untyped-call]
    signs = torch.where(vectors.sum(1, keepdim=True) < 0, -1.0, 1.0).to(vectors)
    return vectors * signs, values


def aligned(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the student's most parallel vector for each of the teacher's vectors, with its sign.

    Args:
        student: Shape (N, C, k').
        teacher: Shape (N, C, k).
    """
    cosines = student.mT @ teacher
    best = cosines.abs().argmax(1, keepdim=True)  # (N, 1, k)
    chosen = student.gather(2, best.expand(-1, student.shape[1], -1))
    return chosen * cosines.gather(1, best).sign()


@MODELS.register_module()
class KDSVDLoss(FeatureLoss):
    r"""Squared difference of the relations between singular vectors of consecutive layers.

    Self-supervised Knowledge Distillation Using Singular Value Decomposition (Lee, Kim, Song; ECCV
    2018), as RepDistiller implements it. Each map is a matrix of positions by channels. The loss
    takes its first ``rank`` right singular vectors, weighed by the teacher's singular values at
    unit length; from the student it takes the vectors most parallel to the teacher's. Between one
    layer and the next each pair of components gives :math:`e^{-(v_i - v'_j)^2 / 8}`; the loss of a
    sample is the sum of squared differences of these. The term taps two layers or more, from
    shallow to deep. Student and teacher must have the same number of channels, otherwise the term
    needs a connector.

    Differences from that code: here the signs of singular vectors, on which the loss depends, are
    fixed, and gradients are finite where singular values coincide.

    Args:
        rank: Number of singular vectors.
        loss_weight: Factor on the result; the literature's CIFAR-100 recipe takes 1.
        reduction: As in :class:`FeatureLoss`.
    """

    def __init__(self, rank: int = 1, loss_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(loss_weight, reduction)
        if rank < 1:
            raise ValueError(f"KDSVDLoss takes one singular vector or more, not {rank}.")
        self.rank = rank

    def adapt(
        self, student_shapes: Sequence[Sequence[int]], teacher_shapes: Sequence[Sequence[int]]
    ) -> None:
        """Check the layers; the loss has nothing to train."""
        if len(student_shapes) < 2:
            raise ValueError(
                "KDSVDLoss compares each layer with the one before: tap two layers or more."
            )

    def total(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        vectors = [self._vectors(*pair) for pair in pairs]
        losses = []
        for (before, teacher_before), (own, theirs) in pairwise(vectors):
            difference = _kernel(own, before) - _kernel(theirs, teacher_before)
            losses.append(difference.square().flatten(1).sum(1))
        return sum(losses[1:], start=losses[0])

    def _vectors(self, student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
        if student.dim() != 4 or student.shape[:2] != teacher.shape[:2]:
            raise ValueError(
                "KDSVDLoss compares feature maps with the same channels, not "
                f"{tuple(student.shape)} with {tuple(teacher.shape)}: put a connector between "
                "them, such as connector=dict(type='mmkd.ProjectionConnector')."
            )
        theirs, values = singular_vectors(teacher, self.rank)
        own, _ = singular_vectors(student, self.rank + MORE)
        # The teacher's singular values weigh the vectors of both networks.
        scale = normalize(values, dim=1)[:, None]
        return aligned(own, theirs) * scale, theirs * scale


def _kernel(vectors: Tensor, before: Tensor) -> Tensor:
    """Return the kernel of each pair of components, (N, C, C', k), of (N, C, k) and (N, C', k)."""
    return (-(vectors[:, :, None] - before[:, None]).square() / 8).exp()
