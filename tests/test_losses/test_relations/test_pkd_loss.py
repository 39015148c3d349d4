"""Distillation of correlations, against numpy."""

import numpy as np
import pytest
import torch

import mmkd  # noqa: F401
from mmkd.losses import PKDLoss


def reference(student: np.ndarray, teacher: np.ndarray) -> float:
    """Half the mean squared difference; each channel over all samples, unbiased deviation."""
    channels = [m.transpose(1, 0, 2, 3).reshape(m.shape[1], -1) for m in (student, teacher)]
    own, theirs = (
        (c - c.mean(1, keepdims=True)) / (c.std(1, ddof=1, keepdims=True) + 1e-6) for c in channels
    )
    return ((own - theirs) ** 2).mean() / 2


def maps(shape: tuple[int, ...] = (3, 4, 5, 6)) -> list[np.ndarray]:
    random = np.random.RandomState(0)
    return [random.standard_normal(shape) * 2 + 1 for _ in range(2)]


def test_it_is_the_references():
    student, teacher = maps()
    loss = PKDLoss(loss_weight=6.0)(torch.tensor(student), torch.tensor(teacher))
    assert loss.item() == pytest.approx(6 * reference(student, teacher), rel=1e-12)


def test_it_is_one_minus_the_correlation():
    student, teacher = maps((8, 2, 16, 16))
    flat = [m.transpose(1, 0, 2, 3).reshape(2, -1) for m in (student, teacher)]
    correlation = np.mean([np.corrcoef(s, t)[0, 1] for s, t in zip(*flat, strict=True)])
    loss = PKDLoss()(torch.tensor(student), torch.tensor(teacher)).item()
    assert loss == pytest.approx(1 - correlation, abs=1e-3)


def test_scale_and_offset_of_a_channel_do_not_matter():
    student, teacher = map(torch.tensor, maps())
    scale = torch.tensor([0.5, 1.0, 7.0, 100.0])[:, None, None]
    expected = PKDLoss()(student, teacher).item()
    assert PKDLoss()(student * scale + 3, teacher).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 4, 4)])
def test_constant_channels_and_single_values_have_finite_gradients(shape):
    student = torch.ones(shape, requires_grad=True)
    loss = PKDLoss()(student, torch.randn(shape))
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


def test_there_is_no_single_sample_to_weigh():
    with pytest.raises(ValueError, match="no loss of a single sample"):
        PKDLoss()(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), weight=torch.ones(2))
