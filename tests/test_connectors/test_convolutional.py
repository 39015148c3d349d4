"""Connectors with a convolution, batch norm and ReLU."""

import pytest
import tiny
import torch
from torch import nn
from torch.nn import functional

from mmkd.connectors import ConvBNConnector, ConvBNReLUConnector, ConvRegConnector

SHAPES = [
    ((2, 4, 8, 8), (2, 6, 4, 4)),
    ((2, 4, 4, 4), (2, 6, 8, 8)),
    ((2, 4, 8, 4), (2, 4, 4, 8)),
    ((2, 4, 7, 6), (2, 4, 4, 5)),
    ((2, 4, 5, 5), (2, 4, 5, 5)),
    ((2, 4, 2, 2), (2, 6, 8, 8)),
]
KINDS = [ConvBNReLUConnector, ConvRegConnector]


@pytest.mark.parametrize(("student", "teacher"), SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_students_map_gets_the_teachers_shape_and_is_not_negative(kind, student, teacher):
    connector = kind(student_shape=student, teacher_shape=teacher)
    connected = connector(torch.randn(student), torch.randn(teacher))
    assert connected.shape == teacher
    assert connected.min() == 0
    assert connected.max() > 0


def test_maps_before_their_activation_have_no_relu():
    student, teacher = torch.randn(2, 4, 4, 4), torch.randn(2, 6, 8, 8)
    connector = ConvRegConnector(student.shape, teacher.shape, activation=False)
    expected = connector.bn(connector.conv(student))
    torch.testing.assert_close(connector(student, teacher), expected)
    assert expected.min() < 0


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_another_size_than_in_the_dry_run(kind):
    for student, teacher in SHAPES:
        connector = kind(student_shape=student, teacher_shape=teacher)
        larger = torch.randn(*student[:2], student[2] + 4, student[3] + 4)
        other = torch.randn(*teacher[:2], teacher[2] + 3, teacher[3] + 3)
        assert connector(larger, other).shape == other.shape


def test_the_map_is_resized_before_it_is_projected():
    student, teacher = torch.randn(3, 4, 8, 8), torch.randn(3, 6, 4, 4)
    connector = ConvBNReLUConnector(student.shape, teacher.shape)
    pooled = functional.avg_pool2d(student, 2)
    expected = connector.bn(connector.conv(pooled)).relu()
    torch.testing.assert_close(connector(student, teacher), expected)
    assert connector.conv.kernel_size == (1, 1)


@pytest.mark.parametrize(
    ("student", "teacher", "kind", "kernel", "stride"),
    [
        (8, 4, nn.Conv2d, 3, 2),
        (4, 8, nn.ConvTranspose2d, 4, 2),
        (8, 5, nn.Conv2d, 4, 1),
        (8, 8, nn.Conv2d, 1, 1),
        (2, 8, nn.Conv2d, 3, 1),
    ],
)
def test_the_regressors_convolution_follows_from_the_sizes(student, teacher, kind, kernel, stride):
    connector = ConvRegConnector((2, 4, student, student), (2, 6, teacher, teacher))
    assert type(connector.conv) is kind
    assert connector.conv.kernel_size == (kernel, kernel)
    assert connector.conv.stride == (stride, stride)


@pytest.mark.parametrize("kind", [*KINDS, ConvBNConnector])
@pytest.mark.parametrize(
    ("student", "teacher"),
    [((2, 4), (2, 4)), ((2, 4, 8, 8), (2, 4)), ((2, 4), (2, 4, 8, 8)), ((2, 9, 4), (2, 4, 3, 3))],
)
def test_what_is_no_map_is_refused_in_words(kind, student, teacher):
    with pytest.raises(ValueError, match="a convolution takes two maps") as error:
        kind(student_shape=student, teacher_shape=teacher)
    assert f"not shapes {student} and {teacher}" in str(error.value)
    assert "mmkd.TokenConnector tokens beside a map" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_term_trains_it(kind):
    connector = dict(type=f"mmkd.{kind.__name__}")
    term = dict(
        student="neck:input",
        teacher="neck:input",
        connector=connector,
        loss=dict(type="mmkd.HintLoss"),
    )
    model = tiny.distiller(terms=dict(hint=term))
    # Batch norm takes a convolution's bias out again: it has no gradient.
    trained = {k: p for k, p in model.terms.named_parameters() if not k.endswith("conv.bias")}
    before = {name: parameter.clone() for name, parameter in trained.items()}
    assert len(before) == 3
    tiny.train(model, steps=2)
    for name, parameter in trained.items():
        assert not torch.equal(parameter, before[name]), name
