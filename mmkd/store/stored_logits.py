"""Logits from a store, with entropies that cannot be computed from them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mmkd.logits.entropy import entropy

SAME_LOGITS = (Tensor.detach, Tensor.to, Tensor.float)


class StoredLogits(Tensor):
    """Logits (N, C) with their true entropies, by (temperature, eps).

    The entropy of a truncated distribution differs from that of the full one. For this tensor
    :func:`mmkd.logits.entropy.entropy` therefore returns the stored entropy, if the store has it,
    by means of ``__torch_function__``. ``detach``, ``to`` and ``float`` keep the entropies, and
    ``index_select`` along the samples keeps those of the selected samples. Every other function
    returns a plain tensor.
    """

    entropies: Mapping[tuple[float, float], Tensor]

    @classmethod
    def of(cls, logits: Tensor, entropies: Mapping[tuple[float, float], Tensor]) -> "StoredLogits":
        """Return logits that carry their entropies, (N,) each."""
        stored = logits.as_subclass(cls)
        stored.entropies = entropies
        return stored

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute with a plain tensor, except for entropies."""
        if function is entropy:
            logits, temperature, eps = args
            stored = logits.entropies.get((float(temperature), float(eps)))
            if stored is not None:
                return stored
        with torch._C.DisableTorchFunctionSubclass():
            result = function(*args, **(kwargs or {}))
            if function in SAME_LOGITS:
                return cls.of(result, args[0].entropies)
            if function is Tensor.index_select:
                kept = {key: value[args[2]] for key, value in args[0].entropies.items()}
                return cls.of(result, kept)
        return result
