"""Entropies of tempered softmax and sigmoid outputs."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from mmkd.precision import full_precision


def entropy(logits: Tensor, temperature: float = 1.0, eps: float = 0.0) -> Tensor:
    """Return the Shannon entropy of ``softmax(logits / T)``, shape (N,), in nats, from 0 to ln C.

    It is computed in float32 at least.

    Args:
        logits: Shape (N, C).
        temperature: T > 0.
        eps: Added to the probabilities inside the logarithm, where a method is defined so.
    """
    return _of_logarithms((full_precision(logits) / temperature).log_softmax(-1), eps)


def binary_entropy(logits: Tensor, temperature: float = 1.0, eps: float = 0.0) -> Tensor:
    """Return the mean over classes of the entropies of ``sigmoid(logits / T)``, (N,), in nats.

    Each class has the entropy of its Bernoulli distribution, from 0 to ln 2, and so has the mean.
    The arguments are those of :func:`entropy`.
    """
    logits = full_precision(logits) / temperature
    logarithms = torch.stack([logsigmoid(logits), logsigmoid(-logits)], dim=-1)
    return _of_logarithms(logarithms, eps).mean(-1)


def _of_logarithms(logarithms: Tensor, eps: float) -> Tensor:
    """Return the entropy of log-probabilities (..., C), shape (...)."""
    probabilities = logarithms.exp()
    if eps:
        logarithms = (probabilities + eps).log()
    return -(probabilities * logarithms).sum(-1)
