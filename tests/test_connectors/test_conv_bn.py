"""The connector for features before their activation."""

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


def test_vectors_are_refused():
    with pytest.raises(ValueError, match=r"takes two maps \(N, C, H, W\)"):
        ConvBNConnector((2, 3), (2, 4))
