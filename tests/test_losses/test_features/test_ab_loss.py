"""Activation boundaries."""

import pytest
import torch

from mmkd.losses import ABLoss


@pytest.mark.parametrize(
    ("student", "teacher", "expected"),
    [
        (2.0, 3.0, 0.0),  # both active, beyond the margin
        (0.25, 0.01, 0.75**2),  # the right side, within the margin
        (-1.5, 4.0, 2.5**2),
        (-2.0, -0.1, 0.0),
        (-0.25, -3.0, 0.75**2),
        (1.5, 0.0, 2.5**2),  # 0 is not active
    ],
)
def test_a_neuron_is_put_on_its_side(student, teacher, expected):
    pair = torch.full((1, 1, 1, 1), student), torch.full((1, 1, 1, 1), teacher)
    assert ABLoss()(*pair).item() == pytest.approx(expected)


def test_layers_count_by_their_depth_and_neurons_are_added():
    student = [torch.zeros(3, 2, size, size) for size in (4, 2, 1)]
    teacher = [torch.ones_like(maps) for maps in student]
    expected = 4.0 * (32 / 4 + 8 / 2 + 2)
    each = ABLoss(margin=2.0)(student, teacher, reduction_override="none")
    assert each.tolist() == [expected] * 3


def test_only_the_teachers_signs_matter():
    student, teacher = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    torch.testing.assert_close(ABLoss()(student, 9 * teacher), ABLoss()(student, teacher))
    assert ABLoss(margin=0.0)(teacher, teacher) == 0


def test_bad_use_is_refused():
    with pytest.raises(ValueError, match="cannot be negative"):
        ABLoss(margin=-1.0)
    with pytest.raises(ValueError, match="put a connector"):
        ABLoss()(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4, 4))
