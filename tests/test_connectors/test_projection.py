import pytest
import torch

from mmkd.connectors import ProjectionConnector


@pytest.mark.parametrize(
    ("student", "teacher"),
    [
        ((2, 4, 8, 8), (2, 6, 4, 4)),
        ((2, 4, 4, 4), (2, 6, 8, 8)),
        ((2, 4, 8, 4), (2, 4, 4, 8)),
        ((2, 7, 4), (2, 7, 6)),
        ((2, 4), (2, 6)),
    ],
)
def test_the_students_feature_gets_the_teachers_shape(student, teacher):
    connector = ProjectionConnector(student_shape=student, teacher_shape=teacher)
    assert connector(torch.randn(student), torch.randn(teacher)).shape == teacher


def test_equal_channels_need_no_parameters():
    connector = ProjectionConnector((2, 4, 8, 8), (2, 4, 4, 4))
    assert not list(connector.parameters())


@pytest.mark.parametrize(
    ("student", "teacher", "message"),
    [((2, 4, 8, 8), (2, 6), "not shapes"), ((2, 5, 4), (2, 7, 4), "5 and 7 tokens")],
)
def test_features_of_other_kinds_are_refused_in_words(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        ProjectionConnector(student, teacher)
