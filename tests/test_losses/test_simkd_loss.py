"""The map before the teacher's classifier."""

import pytest
import tiny
import torch

from mmkd.losses import SimKDLoss


def test_it_is_the_mean_squared_difference_at_the_smaller_size():
    student, teacher = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 4, 4)
    small = torch.nn.functional.avg_pool2d(student, 2)
    expected = (small - teacher).square().mean((1, 2, 3))
    for pair, other in ((student, teacher), (teacher, student)):
        each = SimKDLoss()(pair, other, reduction_override="none")
        torch.testing.assert_close(each, expected)
    assert SimKDLoss()(student, student) == 0


def test_a_student_without_projector_is_refused_when_it_is_built():
    term = dict(student="backbone", teacher="backbone", loss=dict(type="mmkd.SimKDLoss"))
    with pytest.raises(ValueError, match=r"8 channels and the teacher's 12.*mmkd.SimKDNeck"):
        tiny.distiller(terms=dict(simkd=term))
