"""Channel-wise distillation, against numpy."""

from map_references import softmax

# isort: split
import numpy as np
import pytest
import torch

from mmkd.losses import CWDLoss


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_is_the_divergence_of_each_channel_over_positions(temperature):
    random = np.random.RandomState(0)
    student, teacher = (random.standard_normal((3, 4, 5, 6)) * 3 for _ in range(2))
    p, q = (softmax(m.reshape(3, 4, -1) / temperature) for m in (teacher, student))
    divergence = temperature**2 * (p * (np.log(p) - np.log(q))).sum(-1)
    maps = torch.tensor(student), torch.tensor(teacher)
    each = CWDLoss(temperature, reduction="none")(*maps)
    np.testing.assert_allclose(each.numpy(), divergence.mean(1), rtol=1e-10)
    whole = CWDLoss(temperature, loss_weight=10.0)(*maps)
    assert whole.item() == pytest.approx(10 * divergence.sum() / (3 * 4), rel=1e-10)


def test_a_channels_offset_does_not_matter():
    maps, offset = torch.randn(2, 3, 4, 4, dtype=torch.float64), torch.randn(2, 3, 1, 1)
    assert CWDLoss()(maps + offset, maps).item() == pytest.approx(0, abs=1e-12)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="temperature must be positive, not 0"):
        CWDLoss(temperature=0)
    with pytest.raises(ValueError, match="CWDLoss compares feature maps"):
        CWDLoss()(torch.zeros(2, 3), torch.zeros(2, 3))
