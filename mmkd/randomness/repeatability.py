"""Search for transforms that do not draw from the seeded generators."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from mmengine.structures import BaseDataElement
from torch import Tensor

from mmkd.randomness.loading import PositionedLoading
from mmkd.randomness.positions import Position
from mmkd.randomness.seeding import Purpose, position_seed, seed_generators


def difference(first: Any, second: Any, name: str = "") -> str | None:
    """Return the name of the first part in which two samples differ in any bit, or ``None``."""
    if type(first) is not type(second):
        return name or "the sample"
    if isinstance(first, Tensor):
        first, second = first.detach().cpu().numpy(), second.detach().cpu().numpy()
    if isinstance(first, np.ndarray):
        same = (first.shape, first.dtype) == (second.shape, second.dtype)
        if same and first.dtype != object:
            return None if first.tobytes() == second.tobytes() else name or "the sample"
        first, second = first.tolist(), second.tolist()
    if isinstance(first, BaseDataElement):
        first = {**dict(first.metainfo_items()), **dict(first.items())}
        second = {**dict(second.metainfo_items()), **dict(second.items())}
    elif hasattr(first, "__dict__") and not callable(first):
        first, second = vars(first), vars(second)
    if isinstance(first, Mapping):
        if first.keys() != second.keys():
            return name or "the sample"
        parts = [(f"{name}.{key}".lstrip("."), first[key], second[key]) for key in first]
    elif isinstance(first, list | tuple):
        if len(first) != len(second):
            return name or "the sample"
        pairs = zip(first, second, strict=True)
        parts = [(f"{name}[{k}]", one, other) for k, (one, other) in enumerate(pairs)]
    else:
        return None if first is second or first == second else name or "the sample"
    found = (difference(one, other, part) for part, one, other in parts)
    return next((part for part in found if part is not None), None)


def unrepeatable(loading: PositionedLoading, indices: Sequence[int]) -> str | None:
    """Load samples twice, and describe the first difference between the two results.

    A difference means that a transform draws from a generator of its own or depends on earlier
    samples, as do parts of albumentations and imgaug, and transforms that keep a cache of images.

    Args:
        loading: The loading of samples.
        indices: Indices of the samples.

    Returns:
        A description of the part of the sample that differs and, if it can be determined, the
        transform; ``None`` if all samples are the same bit for bit.
    """
    for index in indices:
        position = Position(index, 0)
        part = difference(loading.load(position), loading.load(position))
        if part is not None:
            transform = _culprit(loading, index)
            by = f" by the transform {transform}" if transform else ""
            return f"sample {index}, loaded twice, differs in {part!r}{by}"
    return None


def _culprit(loading: PositionedLoading, index: int) -> str | None:
    """Return the first transform of a data set's pipeline whose result changes on repetition."""
    dataset: Any = loading.dataset
    transforms = getattr(getattr(dataset, "pipeline", None), "transforms", None)
    if transforms is None or not hasattr(dataset, "get_data_info"):
        return None
    seed = position_seed(loading.seed, Purpose.SAMPLE, index, 0, 0)
    given = dataset.get_data_info(index)
    for transform in transforms:
        results = []
        for _ in range(2):
            seed_generators(seed)
            results.append(transform(deepcopy(given)))
        if difference(*results) is not None:
            return type(transform).__name__
        given = results[0]
        if given is None:
            return None
    return None
