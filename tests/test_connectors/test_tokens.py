"""Tokens of transformers are connected with maps, and maps with tokens."""

import pytest
import torch
from torch import nn

from mmkd.connectors import ProjectionConnector, TokenConnector, connect
from mmkd.networks.grids import to_map, to_tokens

MAP, WIDE = (2, 4, 8, 8), (2, 6, 4, 8)
TOKENS, CLASSED = (2, 16, 6), (2, 17, 6)


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        (MAP, TOKENS),
        (MAP, CLASSED),
        (TOKENS, MAP),
        (CLASSED, MAP),
        (CLASSED, (2, 65, 5)),
        (TOKENS, (2, 6, 5)),
        (WIDE, (2, 33, 6)),
        ((2, 8 + 5, 3), WIDE),
    ],
)
def test_the_students_feature_gets_the_teachers_shape(student, teacher):
    connector = TokenConnector(student_shape=student, teacher_shape=teacher)
    assert connector(torch.randn(student), torch.randn(teacher)).shape == teacher


def test_equal_channels_need_no_parameters():
    assert not list(TokenConnector(TOKENS, (2, 6, 8, 8)).parameters())


def test_a_map_is_projected_as_by_a_convolution():
    student, teacher = torch.randn(MAP), torch.randn(2, 64, 6)
    connector = TokenConnector(MAP, teacher.shape)
    convolution = nn.Conv2d(4, 6, 1)
    with torch.no_grad():
        convolution.weight.copy_(connector.projection.weight[..., None, None])
        convolution.bias.copy_(connector.projection.bias)
    expected = to_tokens(convolution(student))
    torch.testing.assert_close(connector(student, teacher), expected)


def test_the_class_token_is_compared_with_the_class_token():
    student, teacher = torch.randn(CLASSED), torch.randn(2, 65, 6)
    connected = TokenConnector(CLASSED, teacher.shape)(student, teacher)
    assert torch.equal(connected[:, 0], student[:, 0])
    enlarged = nn.functional.interpolate(to_map(student), (8, 8), mode="bilinear")
    torch.testing.assert_close(to_map(connected), enlarged)


@pytest.mark.parametrize("student", [(2, 6, 4, 4), TOKENS, CLASSED])
def test_without_a_counterpart_leading_tokens_are_compared_with_the_mean(student):
    features, teacher = torch.randn(student), torch.randn(2, 18, 6)
    connected = TokenConnector(student, teacher.shape)(features, teacher)
    patches = connected[:, 2:]
    for leading in connected[:, :2].unbind(1):
        torch.testing.assert_close(leading, patches.mean(1))


def test_the_class_token_has_no_place_on_a_map():
    student = torch.randn(CLASSED)
    connector = TokenConnector(CLASSED, (2, 6, 4, 4))
    expected = connector(student, torch.randn(2, 6, 4, 4))
    student[:, 0] = 100
    assert torch.equal(connector(student, torch.randn(2, 6, 4, 4)), expected)
    assert torch.equal(to_tokens(expected), student[:, 1:])


def test_images_of_another_size_than_in_the_dry_run():
    connector = TokenConnector(MAP, CLASSED)
    assert connector(torch.randn(2, 4, 12, 12), torch.randn(2, 37, 6)).shape == (2, 37, 6)
    connector = TokenConnector(CLASSED, MAP)
    assert connector(torch.randn(2, 61, 6), torch.randn(2, 4, 12, 20)).shape == (2, 4, 12, 20)


@pytest.mark.parametrize(
    ("student", "teacher", "kind"),
    [
        (MAP, CLASSED, TokenConnector),
        (CLASSED, MAP, TokenConnector),
        (CLASSED, TOKENS, TokenConnector),
        (CLASSED, (2, 17, 9), ProjectionConnector),
        (MAP, WIDE, ProjectionConnector),
    ],
)
def test_shapes_choose_the_connector(student, teacher, kind):
    [connector] = connect("t", "teacher", None, [("a", student)], [("b", teacher)])
    assert type(connector) is kind


def test_tokens_of_one_shape_pass_unchanged():
    assert connect("t", "teacher", None, [("a", CLASSED)], [("b", CLASSED)]) is None


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [
        (MAP, MAP, r"for two maps or two vectors take mmkd.ProjectionConnector"),
        (TOKENS, (2, 6), r"not shapes \(2, 16, 6\) and \(2, 6\)"),
        ((2, 60, 6), TOKENS, r"60 tokens form no square grid"),
    ],
)
def test_what_has_no_grid_is_refused_in_words(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        TokenConnector(student, teacher)
