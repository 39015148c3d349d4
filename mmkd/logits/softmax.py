"""Tempered softmax outputs and their entropy."""

from torch import Tensor


def tempered_log_softmax(logits: Tensor, temperature: Tensor | float) -> Tensor:
    """Return ``log softmax(logits / T)`` over the last dimension.

    Args:
        logits: Shape (N, C).
        temperature: T > 0, a number, a 0-dim tensor or one value per sample, shape (N,).
    """
    if isinstance(temperature, Tensor) and temperature.dim() > 0:
        temperature = temperature.unsqueeze(-1)
    return (logits / temperature).log_softmax(-1)


def entropy(logits: Tensor, temperature: Tensor | float = 1.0, eps: float = 0.0) -> Tensor:
    """Return the Shannon entropy of ``softmax(logits / T)``, shape (N,), in nats, from 0 to ln C.

    Args:
        logits: Shape (N, C).
        temperature: T > 0, as for :func:`tempered_log_softmax`.
        eps: Added to the probabilities inside the logarithm, where a method is defined so.
    """
    logarithms = tempered_log_softmax(logits, temperature)
    probabilities = logarithms.exp()
    if eps:
        logarithms = (probabilities + eps).log()
    return -(probabilities * logarithms).sum(-1)
