"""Similarity of the features of two networks (CKA), accumulated over batches."""

from collections.abc import Sequence

import torch
from torch import Tensor

SMALLEST = 4  # minimum number of samples for which the unbiased estimate exists


def unbiased_hsic(first: Tensor, second: Tensor) -> Tensor:
    r"""Return the unbiased estimate of the Hilbert-Schmidt independence criterion, 0-dim.

    Feature Selection via Dependence Maximization (Song et al., JMLR 2012), eq. 5, of two kernel
    matrices with their diagonals set to zero:
    :math:`\frac{1}{n(n-3)}[tr(KL) + \frac{1^TK1\,1^TL1}{(n-1)(n-2)} - \frac{2}{n-2}1^TKL1]`.

    Args:
        first: Kernel matrix of n samples, (n, n), n at least 4.
        second: Kernel matrix of the same samples.
    """
    n = len(first)
    first, second = (kernel - kernel.diag().diag() for kernel in (first, second))
    sums, others = first.sum(0), second.sum(0)
    total = (first * second).sum() + sums.sum() * others.sum() / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * sums @ others) / (n * (n - 3))


class LinearCKA:
    r"""Linear centred kernel alignment of each feature of one network with each of another.

    Similarity of Neural Network Representations Revisited (Kornblith et al., ICML 2019):
    :math:`CKA = HSIC(K, L) / \sqrt{HSIC(K, K)\,HSIC(L, L)}` with :math:`K = XX^T`, which is 1 for
    features that are equal up to rotation and scale. Each HSIC is the mean over batches of the
    unbiased estimate, as in Do Wide and Deep Networks Learn the Same Things? (Nguyen, Raghu,
    Kornblith; ICLR 2021), eq. 3. The result therefore does not depend on the batch size, up to
    noise.
    """

    def __init__(self) -> None:
        self._cross: Tensor | None = None
        self._own: tuple[Tensor, Tensor] | None = None
        self.samples = 0

    def update(self, first: Sequence[Tensor], second: Sequence[Tensor]) -> None:
        """Add a batch of at least 4 samples.

        Args:
            first: S features of one network, (N, ...) each.
            second: T features of the other network for the same samples.

        Raises:
            ValueError: If the batch is too small, or a feature has not N samples.
        """
        count = len(first[0])
        if count < SMALLEST or any(len(feature) != count for feature in (*first, *second)):
            raise ValueError(
                f"CKA compares features (N, ...) of at least {SMALLEST} samples, and got batches "
                f"of {sorted({len(feature) for feature in (*first, *second)})}."
            )
        kernels = [[_kernel(feature) for feature in side] for side in (first, second)]
        cross = [[unbiased_hsic(one, other) for other in kernels[1]] for one in kernels[0]]
        own = [torch.stack([unbiased_hsic(kernel, kernel) for kernel in side]) for side in kernels]
        total = torch.stack([torch.stack(row) for row in cross])
        if self._cross is None or self._own is None:
            self._cross, self._own = total, (own[0], own[1])
        else:
            self._cross = self._cross + total
            self._own = self._own[0] + own[0], self._own[1] + own[1]
        self.samples += count

    def compute(self) -> Tensor:
        """Return the similarities, shape (S, T), at most 1 up to noise.

        Raises:
            ValueError: If there was no batch.
        """
        if self._cross is None or self._own is None:
            raise ValueError("CKA needs at least one batch.")
        return self._cross / (self._own[0][:, None] * self._own[1][None]).sqrt()


def _kernel(feature: Tensor) -> Tensor:
    """Return the inner products of samples, (N, N), in double precision."""
    flat = feature.detach().flatten(1).double()
    return flat @ flat.T
