"""Similarity of student and teacher, and its figure."""

import pytest
import tiny

from mmkd.distillers import Distiller
from mmkd.visualization import draw_similarity, feature_similarity


@pytest.fixture
def model() -> Distiller:
    return tiny.distiller(teacher=dict(model=tiny.classifier())).eval()


def test_the_same_network_is_at_one(model: Distiller) -> None:
    model.student.load_state_dict(model.teachers["teacher"].network.state_dict())
    batches = [tiny.batch(6, seed=0), tiny.batch(3, seed=1), tiny.batch(4, seed=2)]
    found = feature_similarity(model, batches)
    assert found.samples == 10  # three images are too few
    assert found.student == found.teacher
    assert found.values.diag().tolist() == pytest.approx([1] * len(found.student), abs=1e-6)
    assert len(found.student) > 1


def test_the_figure_names_features_and_values(model: Distiller) -> None:
    found = feature_similarity(model, [tiny.batch(6, seed=0)])
    left, axes, bar = draw_similarity({"alone": found, "digits": found}).axes
    assert left.get_title() == "alone\nlinear CKA of 6 images"
    assert [label.get_text() for label in axes.get_yticklabels()] == found.student
    assert [label.get_text() for label in axes.get_xticklabels()] == found.teacher
    assert axes.texts[0].get_text() == f"{float(found.values[0, 0]):.2f}"
    assert "6 images" in axes.get_title()
    assert bar.get_ylabel() == "CKA"


def test_a_teacher_that_does_not_exist(model: Distiller) -> None:
    with pytest.raises(ValueError, match="no teacher 'other': teacher"):
        feature_similarity(model, [tiny.batch(6)], "other")
