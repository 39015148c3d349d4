"""Entropies of tempered softmax and sigmoid outputs."""

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from mmkd.arithmetic import full_precision


def entropy(logits: Tensor, temperature: float = 1.0, eps: float = 0.0) -> Tensor:
    """Return the Shannon entropy of ``softmax(logits / T)``, shape (N,), in nats, from 0 to ln C.

    The entropy is computed in float32 or wider.

    Args:
        logits: Shape (N, C).
        temperature: T > 0.
        eps: Number added to the probabilities inside the logarithm, for methods that define it so.
    """
    if has_torch_function_unary(logits):  # logits from a store, which carry their entropies
        given: Tensor = handle_torch_function(entropy, (logits,), logits, temperature, eps)
        return given
    tempered = full_precision(logits) / temperature
    if eps:
        probabilities = tempered.softmax(-1)
        return -(probabilities * (probabilities + eps).log()).sum(-1)
    logarithms = tempered.log_softmax(-1)
    return -(logarithms.exp() * logarithms).sum(-1)


def binary_entropy(logits: Tensor, temperature: float = 1.0, eps: float = 0.0) -> Tensor:
    """Return the mean over classes of the entropies of ``sigmoid(logits / T)``, (N,), in nats.

    Each class has the entropy of its Bernoulli distribution, from 0 to ln 2, so the mean has the
    same range. The arguments are those of :func:`entropy`.
    """
    # A sigmoid is the softmax over its logit and 0.
    pairs = torch.stack([logits, torch.zeros_like(logits)], dim=-1)
    return entropy(pairs, temperature, eps).mean(-1)
