"""Entropy of tempered softmax outputs."""

from torch import Tensor

from mmkd.precision import full_precision


def entropy(logits: Tensor, temperature: float = 1.0, eps: float = 0.0) -> Tensor:
    """Return the Shannon entropy of ``softmax(logits / T)``, shape (N,), in nats, from 0 to ln C.

    It is computed in float32 at least.

    Args:
        logits: Shape (N, C).
        temperature: T > 0.
        eps: Added to the probabilities inside the logarithm, where a method is defined so.
    """
    logarithms = (full_precision(logits) / temperature).log_softmax(-1)
    probabilities = logarithms.exp()
    if eps:
        logarithms = (probabilities + eps).log()
    return -(probabilities * logarithms).sum(-1)
