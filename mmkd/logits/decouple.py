"""Split of a distribution into the true class against the rest, and the rest by itself."""

import torch
from torch import Tensor


def target_split(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    r"""Return :math:`\ln p_y` and :math:`\ln(1 - p_y)`, shape (N, 2).

    The second entry is a sum over the other classes rather than one minus the first, because the
    difference would lose all digits of a confident prediction.

    Args:
        log_probabilities: Log-probabilities, shape (N, C), of at least two classes.
        labels: Class indices :math:`y`, shape (N,).
    """
    rest = _others(log_probabilities, labels).logsumexp(-1, keepdim=True)
    return torch.cat([log_probabilities.gather(1, labels[:, None]), rest], dim=1)


def non_target(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return log-probabilities over the classes other than the true one, shape (N, C - 1).

    Each row is normalised: a softmax over the C - 1 classes, in their order.

    Args:
        log_probabilities: Log-probabilities, shape (N, C), of at least two classes.
        labels: Class indices, shape (N,).
    """
    return _others(log_probabilities, labels).log_softmax(-1)


def _others(values: Tensor, labels: Tensor) -> Tensor:
    classes = torch.arange(values.shape[-1] - 1, device=values.device)
    return values.gather(1, classes + (classes >= labels[:, None]))
