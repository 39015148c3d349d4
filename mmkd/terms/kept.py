"""Batches of which only some samples are kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from mmkd.networks.taps import Tap


def of_taps(tensors: Mapping[Tap, Tensor], taps: Iterable[Tap], kept: Tensor) -> dict[Tap, Tensor]:
    """Return the rows ``kept``, (k,), of the tensors (N, ...) at those taps that have a tensor."""
    return {tap: tensors[tap].index_select(0, kept) for tap in taps if tap in tensors}


def of_labels(labels: Tensor | None, kept: Tensor) -> Tensor | None:
    """Return the labels, or the inputs, of the samples ``kept``, (k,)."""
    return None if labels is None else labels.index_select(0, kept)


def of_samples(data_samples: Any, kept: Tensor) -> Any:
    """Return the data samples ``kept``, (k,), of a list, or of a tensor of labels."""
    if data_samples is None or isinstance(data_samples, Tensor):
        return of_labels(data_samples, kept)
    return [data_samples[index] for index in kept.tolist()]
