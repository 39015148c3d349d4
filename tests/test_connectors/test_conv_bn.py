"""Connector for features before their activation."""

import pytest
import torch
from torch.nn import functional

from mmkd.connectors import ConvBNConnector


@pytest.mark.parametrize("teacher", [(3, 6, 4, 4), (3, 6, 8, 8), (3, 6, 16, 3)])
def test_the_students_map_gets_the_teachers_shape_and_may_be_negative(teacher):
    student = torch.randn(3, 4, 8, 8)
    connected = ConvBNConnector(student.shape, teacher)(student, torch.zeros(teacher))
    assert connected.shape == teacher
    assert connected.min() < 0 < connected.max()


def test_it_is_a_convolution_without_bias_and_batch_norm():
    torch.manual_seed(0)
    student, teacher = torch.randn(3, 400, 8, 8), torch.randn(3, 600, 4, 4)
    connector = ConvBNConnector(student.shape, teacher.shape)
    projected = functional.conv2d(functional.avg_pool2d(student, 2), connector.conv.weight)
    expected = functional.batch_norm(projected, None, None, training=True)
    torch.testing.assert_close(connector(student, teacher), expected, rtol=1e-4, atol=1e-5)
    assert connector.conv.bias is None
    assert connector.conv.weight.std().item() == pytest.approx((2 / 600) ** 0.5, rel=0.01)


def test_the_released_code_of_ab_has_none_where_shapes_agree():
    student = torch.randn(3, 4, 8, 8)
    same = ConvBNConnector(student.shape, student.shape, released_code=True)
    assert same(student, student) is student
    assert not list(same.parameters())
    other = ConvBNConnector(student.shape, (3, 6, 8, 8), released_code=True)
    assert other(student, torch.zeros(3, 6, 8, 8)).shape == (3, 6, 8, 8)


def test_vectors_are_refused():
    with pytest.raises(ValueError, match=r"takes two maps \(N, C, H, W\)"):
        ConvBNConnector((2, 3), (2, 4))
