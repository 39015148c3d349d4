"""Teacher weights from the gradients of the distillation losses (AEKD)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmkd.arithmetic import full_precision
from mmkd.registry import MODELS

STEPS = 1000
TOLERANCE = 1e-10
# Smallest curvature between two vectors, as in libsvm, relative to the longest vector.
TINY = 1e-12
# Tolerance at which scikit-learn's one-class support vector machine stops by default.
LIBSVM_TOLERANCE = 1e-3


def smallest_combination(
    gram: Tensor, maximum: float = 1.0, start: Tensor | None = None, tolerance: float = TOLERANCE
) -> Tensor:
    r"""Minimise :math:`\alpha^T G \alpha` over shares: the min-norm point of a convex hull.

    Subject to :math:`\sum_k \alpha_k = 1` and :math:`0 \le \alpha_k \le` ``maximum``. This is the
    dual of a one-class support vector machine with :math:`\nu = 1 / (K \cdot maximum)`, and is
    solved in the same way: in each step libsvm's rule chooses a pair of shares and moves it to its
    optimum, until no pair violates the optimality conditions.

    Args:
        gram: Inner products of K vectors, shape (K, K), float64 on the CPU.
        maximum: Largest share of one vector. Below 1 / K it is taken as 1 / K.
        start: The initial shares, shape (K,); equal ones by default.
        tolerance: Stop when moving a share would gain no more than this, in units of the largest
            diagonal element. A larger tolerance than needed stops the search early.

    Returns:
        The shares, shape (K,), float64 on the CPU. Equal vectors have equal shares.
    """
    # Only ratios matter: the scale of a loss must not decide when the search stops.
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
        if not float(excess.max()) > tolerance:  # also stops if the excess is not a number
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
    """Return libsvm's solution of :func:`smallest_combination` at its default tolerance.

    The search begins with the largest shares for the first vectors, and stops when no pair of
    shares violates the optimality conditions by more than 0.001. That is an absolute number: for
    small vectors the search stops at once, and the shares follow from the order of the vectors
    alone.

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
    r"""Weigh teachers so that their gradients on the student's logits agree as well as possible.

    Agree to Disagree: Adaptive Ensemble Knowledge Distillation in Gradient Space (Du et al.,
    NeurIPS 2020). :math:`g_k` is the gradient of KD from teacher k on the student's logits,
    averaged over the batch. The weights of a batch are

    .. math:: \min_\alpha \Big\|\sum_k \alpha_k g_k\Big\|^2, \quad
        \sum_k \alpha_k = 1, \quad 0 \le \alpha_k \le C.

    A smaller ``tolerance`` C holds the weights closer to 1 / K; with C = 1 one teacher may have all
    of the weight. The gradients are those of :class:`mmkd.losses.KDLoss`, in closed form:
    :math:`g_k = \frac{T}{N} \sum_n (q_n - p_{k,n})` with the tempered probabilities q of the
    student and p of the teacher. As in the authors' released code the mean over the batch comes
    first, and there is an option ``normalize``. Each process computes weights for its part of the
    batch.

    Args:
        tolerance: C, the largest weight of a teacher; values below 1 / K count as 1 / K. The
            released code's default is 0.6.
        temperature: T of the KD loss whose gradients are weighed.
        normalize: Whether each gradient is divided by its norm before the problem is solved, and
            each weight after it (the weights then sum to 1 again).
        released_code: Stop where the authors' code stops, which hands the problem to libsvm with
            its default tolerance, see :func:`libsvm_combination`. Gradients of a mean over a batch
            are so small that libsvm stops at its initial shares: 0.6, 0.4 and 0 for any three
            teachers in this order.
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
        """Return the tempered probabilities, averaged over samples, shape (C,)."""
        return (full_precision(logits) / self.temperature).softmax(-1).mean(0)
