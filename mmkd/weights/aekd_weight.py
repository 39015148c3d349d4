"""Teacher weights from the gradients of their losses (AEKD)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS

STEPS = 1000
TOLERANCE = 1e-10
# Smallest curvature between two vectors, as in libsvm, relative to the longest.
TINY = 1e-12
# At which scikit-learn's one-class support vector machine stops by default.
LIBSVM_TOLERANCE = 1e-3


def smallest_combination(
    gram: Tensor, maximum: float = 1.0, start: Tensor | None = None, tolerance: float = TOLERANCE
) -> Tensor:
    r"""Minimise :math:`\alpha^T G \alpha` over shares: the min-norm point of a convex hull.

    Subject to :math:`\sum_k \alpha_k = 1` and :math:`0 \le \alpha_k \le` ``maximum``. This is the
    dual of a one-class support vector machine with :math:`\nu = 1 / (K \cdot maximum)`, solved as
    there, with libsvm's choice of the pair of shares that is moved to its optimum in each step,
    until no pair violates the optimality conditions.

    Args:
        gram: Inner products of K vectors, shape (K, K), float64 on the CPU.
        maximum: Largest share of one vector. Below 1 / K it is taken as 1 / K.
        start: The shares to begin with, shape (K,); equal ones by default.
        tolerance: Stop where moving a share would gain no more than this in units of the largest
            diagonal element. Larger elements than needed stop the search early.

    Returns:
        The shares, shape (K,), float64 on the CPU. Equal vectors have equal shares.
    """
    # Only ratios matter: the scale of a loss must not decide when to stop.
    gram = gram / gram.diagonal().max().clamp(min=torch.finfo(torch.float64).tiny)
    count = len(gram)
    maximum = max(maximum, 1 / count)
    shares = (
        torch.full((count,), 1 / count, dtype=torch.float64) if start is None else start.clone()
    )
    for _ in range(STEPS):
        slope = gram @ shares
        up = int(slope.masked_fill(shares >= maximum - TOLERANCE, torch.inf).argmin())
        excess = (slope - slope[up]).masked_fill(shares <= TOLERANCE, -torch.inf)
        if not float(excess.max()) > tolerance:  # nor if it is not a number
            break
        curvature = (gram[up, up] + gram.diagonal() - 2 * gram[up]).clamp(min=TINY)
        gain = excess.clamp(min=0).square() / curvature
        down = int(gain.argmax())
        room = min(maximum - float(shares[up]), float(shares[down]))
        step = min(room, float(excess[down] / curvature[down]))
        shares[up] += step
        shares[down] -= step
    return shares.clamp(0, maximum)


def libsvm_combination(gram: Tensor, maximum: float) -> Tensor:
    """Return what libsvm finds for :func:`smallest_combination` with its default tolerance.

    It begins with the largest shares for the first vectors, and stops where no pair of shares
    violates the optimality conditions by more than 0.001. That is an absolute number: for small
    vectors it stops at once, and the shares follow from the order of the vectors alone.

    Args:
        gram: Inner products of K vectors, shape (K, K), float64 on the CPU.
        maximum: Largest share of one vector. Below 1 / K it is taken as 1 / K.
    """
    count, maximum = len(gram), max(maximum, 1 / len(gram))
    first = torch.arange(count, dtype=torch.float64) * maximum
    start = (1 - first).clamp(0, maximum)
    # libsvm's variables are the shares divided by `maximum`, and so are its slopes.
    scale = float(gram.diagonal().max().clamp(min=torch.finfo(torch.float64).tiny))
    return smallest_combination(gram, maximum, start, LIBSVM_TOLERANCE * maximum / scale)


@MODELS.register_module()
class AEKDWeight(nn.Module):
    r"""Weigh teachers so that their gradients on the student's logits agree as far as possible.

    Agree to Disagree: Adaptive Ensemble Knowledge Distillation in Gradient Space (Du et al.,
    NeurIPS 2020). With :math:`g_k` the gradient of KD from teacher k on the student's logits, in
    the mean over the batch, the weights of a batch are

    .. math:: \min_\alpha \Big\|\sum_k \alpha_k g_k\Big\|^2, \quad
        \sum_k \alpha_k = 1, \quad 0 \le \alpha_k \le C.

    A smaller ``tolerance`` C holds the weights closer to 1 / K; with C = 1 one teacher may have
    all. The gradients are those of :class:`mmkd.losses.KDLoss`, in closed form:
    :math:`g_k = \frac{T}{N} \sum_n (q_n - p_{k,n})` with the tempered probabilities q of the
    student and p of the teacher. That the mean over the batch comes first, and the option
    ``normalize``, are as in the authors' released code. Each process has weights of its own, for
    its part of a batch.

    Args:
        tolerance: C, the largest weight of a teacher; at least 1 / K is taken. The released code's
            default is 0.6.
        temperature: T of the KD loss that is weighed.
        normalize: Whether each gradient is divided by its norm before, and each weight after the
            problem is solved (the weights then sum to 1 again).
        released_code: Stop where the authors' code stops, which hands the problem to libsvm with
            its default tolerance, see :func:`libsvm_combination`. Gradients of a mean over a batch
            are so small that this is the start: 0.6, 0.4 and 0 for any three teachers in this
            order.
    """

    def __init__(
        self,
        tolerance: float = 0.6,
        temperature: float = 4.0,
        normalize: bool = False,
        released_code: bool = False,
    ) -> None:
        super().__init__()
        if not 0 < tolerance <= 1:
            raise ValueError(f"The tolerance must be above 0 and at most 1, not {tolerance}.")
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive, not {temperature}.")
        self.tolerance, self.temperature, self.normalize = tolerance, temperature, normalize
        self.released_code = released_code

    @torch.no_grad()
    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Sequence[Tensor],
        labels: Tensor | None = None,
    ) -> Tensor:
        """Return the weight of each teacher, for all samples alike, shape (K, N), detached.

        Args:
            student_logits: Raw logits of shape (N, C).
            teacher_logits: K tensors, raw logits of shape (N, C) each.
            labels: Class indices, shape (N,). Not read; every teacher weight has this signature.
        """
        student = self._mean_probabilities(student_logits)
        gradients = torch.stack([student - self._mean_probabilities(z) for z in teacher_logits])
        gradients = self.temperature / max(len(student_logits), 1) * gradients
        gram = (gradients @ gradients.T).to("cpu", torch.float64)
        norms = torch.ones(len(gram), dtype=gram.dtype)
        if self.normalize:
            norms = gram.diagonal().sqrt().clamp(min=TOLERANCE)
        solve = libsvm_combination if self.released_code else smallest_combination
        weights = solve(gram / norms / norms[:, None], self.tolerance) / norms
        weights = (weights / weights.sum()).to(gradients)
        return weights[:, None].expand(-1, len(student_logits))

    def _mean_probabilities(self, logits: Tensor) -> Tensor:
        """Return the tempered probabilities in the mean over samples, shape (C,)."""
        return (full_precision(logits) / self.temperature).softmax(-1).mean(0)
