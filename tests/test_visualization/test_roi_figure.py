"""The figure of RoIs and their weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

pytest.importorskip("mmdet")  # whose detectors have RoIs

from mmkd.visualization import RoIWeights, draw_roi_weights

NAMES = ["bath_towel", "alarm_clock", "background"]


def found(count: int = 12) -> RoIWeights:
    """RoIs in a row, every third one an object to the teacher, none to the student."""
    left = torch.arange(count) * 5.0
    boxes = torch.stack([left, left * 0 + 4, left + 5, left * 0 + 30], dim=1)
    sure = torch.eye(3)[[(index % 3 and 2) for index in range(count)]]
    teacher = 0.7 * sure + torch.tensor([0.0, 0.1, 0.2])
    student = torch.tensor([0.1, 0.2, 0.7]).expand(count, 3)
    return RoIWeights(boxes, torch.linspace(0, 2, count), student, teacher, NAMES)


def figure_of(rois: RoIWeights, top: int = 3) -> Figure:
    image = np.zeros((40, 60, 3), np.uint8)
    return draw_roi_weights(image, rois, "an image", top)


def boxes(axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_objects_all_rois_and_the_heaviest_are_there(tmp_path: Path) -> None:
    figure = figure_of(found())
    teacher, student, *quarters, _, listed = figure.axes
    assert len(boxes(teacher)) == 4
    assert [text.get_text() for text in teacher.get_legend().get_texts()] == ["bath towel"]
    assert boxes(student) == []
    assert [len(boxes(axes)) for axes in quarters] == [3, 3, 3, 3]
    assert [axes.get_title() for axes in quarters[::3]] == [
        "RoIs 1 to 3 by weight", "RoIs 10 to 12 by weight",
    ]  # fmt: skip
    # The row of boxes does not overlap: the three heaviest are numbered, all in the first quarter.
    assert sorted(text.get_text() for text in quarters[0].texts) == ["1", "2", "3"]
    assert not any(axes.texts for axes in quarters[1:])
    (table,) = listed.tables
    rows = [[table[row, column].get_text().get_text() for column in range(4)] for row in range(4)]
    assert rows[1] == [
        "1", "2.00", "background 0.90\nalarm clock 0.10", "background 0.70\nalarm clock 0.20",
    ]  # fmt: skip
    figure.savefig(tmp_path / "rois.png")
    assert (tmp_path / "rois.png").read_bytes().startswith(b"\x89PNG")


def test_heavier_rois_have_thicker_lines_and_lie_above() -> None:
    heavy, *_, light = figure_of(found()).axes[2:6]
    widths = [box.get_linewidth() for axes in (light, heavy) for box in boxes(axes)]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_boxes_lie_on_the_pixels_that_they_cover() -> None:
    (first, *_) = boxes(figure_of(found()).axes[0])
    assert first.get_xy() == (-0.5, 3.5)
    assert (first.get_width(), first.get_height()) == (5, 26)


@pytest.mark.parametrize("top", [0, 50])
def test_few_or_no_rois_can_be_listed(top: int, tmp_path: Path) -> None:
    rois = found(2)
    rois.weights.zero_()
    figure_of(rois, top).savefig(tmp_path / "rois.png")
