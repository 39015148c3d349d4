"""Linear CKA over batches."""

import pytest
import torch
from torch import Tensor

from mmkd.evaluation.similarity import LinearCKA, unbiased_hsic


def cka(first: Tensor, second: Tensor, size: int) -> float:
    measured = LinearCKA()
    for pair in zip(first.split(size), second.split(size), strict=True):
        measured.update([pair[0]], [pair[1]])
    return float(measured.compute())


def test_rotation_scale_and_offset_change_nothing() -> None:
    features = torch.randn(24, 5, dtype=torch.double)
    rotation = torch.linalg.qr(torch.randn(5, 5, dtype=torch.double)).Q
    assert cka(features, 3 * features @ rotation + 7, 8) == pytest.approx(1)


def test_independent_features_are_at_zero_whatever_the_batch() -> None:
    """The biased estimate would give about 0.7 for batches of 8 samples in 32 dimensions."""
    first, second = torch.randn(2, 4096, 32)
    assert [cka(first, second, size) for size in (8, 64)] == pytest.approx([0, 0], abs=0.02)


def test_one_batch_is_the_estimate_of_the_paper() -> None:
    """The formula, by its definition over distinct samples i, j, q, r."""
    first, second = (features @ features.T for features in torch.randn(2, 5, 3).double())
    n, total = 5, 0.0
    for i in range(n):
        for j in range(n):
            for q in range(n):
                for r in range(n):
                    if len({i, j, q, r}) == 4:
                        other = second[i, j] + second[q, r] - 2 * second[i, q]
                        total += float(first[i, j] * other)
    expected = total / (n * (n - 1) * (n - 2) * (n - 3))
    assert float(unbiased_hsic(first, second)) == pytest.approx(expected)


def test_every_feature_meets_every_other() -> None:
    maps, vectors = torch.randn(6, 2, 3, 3), torch.randn(6, 4)
    measured = LinearCKA()
    measured.update([maps, vectors], [vectors, maps, maps])
    values = measured.compute()
    assert values.shape == (2, 3)
    assert values[0, 1:].tolist() == pytest.approx([1, 1])
    assert float(values[1, 0]) == pytest.approx(1)
    assert measured.samples == 6


def test_small_and_unequal_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 4 samples.*\[3\]"):
        LinearCKA().update([torch.randn(3, 2)], [torch.randn(3, 2)])
    with pytest.raises(ValueError, match=r"\[4, 8\]"):
        LinearCKA().update([torch.randn(4, 2)], [torch.randn(8, 2)])
    with pytest.raises(ValueError, match="at least one batch"):
        LinearCKA().compute()
